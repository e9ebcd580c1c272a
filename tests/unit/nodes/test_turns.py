"""Commands take their turn at servers, beside jobs and each other."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from adit_cli.nodes.limits import NodeSlots, Slot
from adit_cli.nodes.turns import turn_at


def never(address: str) -> None:
    raise AssertionError(f"waited for {address}")


@pytest.mark.parametrize(("most", "expected"), [(1, 1), (2, 2), (None, 3), (9, 3)])
def test_as_many_are_taken_as_are_wanted_and_allowed(tmp_path: Path, most: int | None, expected: int) -> None:
    with turn_at(tmp_path, {"PACS": 3}, most, never) as granted:
        assert granted == {"PACS": expected}
        left = [NodeSlots(tmp_path, "PACS", 3).try_acquire() for _ in range(3)]

    for slot in filter(None, left):
        slot.close()
    assert sum(slot is not None for slot in left) == 3 - expected


def test_what_others_hold_is_left_to_them(tmp_path: Path) -> None:
    with (
        closing(NodeSlots(tmp_path, "PACS", 3).acquire()),
        turn_at(tmp_path, {"PACS": 3}, None, never) as granted,
    ):
        assert granted == {"PACS": 2}


def test_it_is_told_once_and_goes_on_as_soon_as_another_gives_one_back(tmp_path: Path) -> None:
    held = NodeSlots(tmp_path, "PACS", 1).acquire()
    told: list[str] = []

    def give_back(address: str) -> None:
        told.append(address)
        held.close()

    with turn_at(tmp_path, {"PACS": 1}, None, give_back) as granted:
        assert granted == {"PACS": 1}

    assert told == ["PACS"]


@pytest.mark.parametrize("limits", [{"A": 1, "B": 1}, {"B": 1, "A": 1}])
def test_two_servers_are_waited_for_in_one_order_whichever_is_named_first(
    tmp_path: Path, limits: dict[str, int]
) -> None:
    held = NodeSlots(tmp_path, "B", 1).acquire()
    seen: list[Slot | None] = []

    def look(_address: str) -> None:
        seen.append(NodeSlots(tmp_path, "A", 1).try_acquire())
        held.close()

    with turn_at(tmp_path, limits, 1, look):
        pass

    assert seen == [None]


def test_all_are_given_back_whatever_happens(tmp_path: Path) -> None:
    def fails(_address: str) -> None:
        raise KeyboardInterrupt

    with (
        closing(NodeSlots(tmp_path, "B", 1).acquire()),
        pytest.raises(KeyboardInterrupt),
        turn_at(tmp_path, {"A": 1, "B": 1}, 1, fails),
    ):
        pass

    with closing(NodeSlots(tmp_path, "A", 1).acquire(0)):
        pass

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from adit_cli.nodes.folder import FolderSource
from adit_cli.tasks.desk import Desk
from adit_cli.tasks.places import Place


def places(count: int, folder: Path) -> list[list[Place]]:
    return [[Place(str(number), FolderSource("in", folder))] for number in range(count)]


@pytest.mark.parametrize("count", [1, 3])
def test_results_come_in_the_order_of_the_questions(tmp_path: Path, count: int) -> None:
    desk = Desk(*places(count, tmp_path))

    assert list(desk.map(lambda _places, number: number * 2, range(50))) == [2 * n for n in range(50)]


def test_questions_are_asked_side_by_side_each_with_sources_of_its_own(tmp_path: Path) -> None:
    meeting = threading.Barrier(2, timeout=60)
    desk = Desk(*places(2, tmp_path))

    def ask(places: Sequence[Place], _number: int) -> str:
        meeting.wait()
        return places[0].name

    assert sorted(desk.map(ask, [1, 2])) == ["0", "1"]


def test_an_error_of_a_question_is_the_askers(tmp_path: Path) -> None:
    def fail(_places: Sequence[Place], number: int) -> int:
        return 1 // number

    with pytest.raises(ZeroDivisionError):
        list(Desk(*places(2, tmp_path)).map(fail, [1, 2, 0, 3]))

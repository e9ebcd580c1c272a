from __future__ import annotations

from pathlib import Path
from threading import Event

import pytest

from adit_cli.errors import NodeError
from adit_cli.nodes.base import Ready
from adit_cli.tasks.lane import BATCH, Lane
from adit_cli.tasks.receipts import Receipts
from tests.support.scripted_nodes import ScriptedDestination


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "1.dcm"
    path.write_bytes(b"an image")
    return path


def test_what_waits_for_a_slow_destination_is_handed_over_in_batches(file: Path) -> None:
    destination = ScriptedDestination(waits_for=Event())
    lane = Lane("archive", destination, "task", Receipts(file.with_suffix(".taken")))
    files = [_ready(file, number) for number in range(2 * BATCH + 6)]

    lane.put(files[0])
    assert destination.adding.wait(30)
    for ready in files[1:]:
        lane.put(ready)
    destination.waits_for.set()
    lane.drain()

    assert destination.batches == [1, BATCH, BATCH, 5]
    assert [answer.uid for answer in lane.answers] == [ready.uid for ready in files]
    assert lane.handed == len(files)


def test_after_an_error_a_lane_drains_and_hands_over_nothing_more(file: Path) -> None:
    destination = ScriptedDestination(fails_to_add=NodeError("refused"))
    lane = Lane("archive", destination, "task", Receipts(file.with_suffix(".taken")))

    for number in range(6 * BATCH):
        lane.put(_ready(file, number))
    lane.drain()

    assert str(lane.error) == "refused"
    assert (lane.answers, lane.handed, destination.held) == ([], 0, {})


def _ready(path: Path, number: int) -> Ready:
    return Ready(
        path, f"1.2.{number}", "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1", path.stat().st_size
    )

from __future__ import annotations

from collections.abc import Iterable

from adit_cli.engine.ending import Moved
from adit_cli.engine.events import Event, RunWaits, TaskEnded, TaskStarted
from adit_cli.engine.hold import HeldBy, Hold
from adit_cli.tasks.task import TaskStatus
from tests.support.engine_tasks import DONE

WAITS = RunWaits(Hold("pacs", HeldBy.WINDOW, 0.0), 0.0, 1)
STARTED = TaskStarted("key", "1.2.3", 1, 1)
ENDED = TaskEnded("key", "1.2.3", 1, 1, TaskStatus.SUCCESS, DONE)
PUT_BACK = TaskEnded("key", "1.2.3", 1, 1, TaskStatus.PENDING, DONE)


def moved(happenings: Iterable[tuple[float, Event]], until: float) -> Moved:
    """Return what has been noted when the clock shows a time, of what happened at earlier ones."""
    now = [0.0]
    found = Moved(clock=lambda: now[0])
    for now[0], event in happenings:
        found.note(event)
    now[0] = until
    return found


def test_time_in_which_nothing_may_begin_is_waiting() -> None:
    assert moved([(10, WAITS), (15, WAITS), (40, STARTED), (50, ENDED), (60, WAITS)], until=65).waited == 35


def test_time_in_which_others_go_on_is_no_waiting() -> None:
    assert moved([(0, STARTED), (10, WAITS), (40, ENDED), (45, STARTED), (50, ENDED)], until=60).waited == 0
    assert moved([(0, STARTED), (10, WAITS), (40, ENDED), (40, WAITS)], until=60).waited == 20


def test_a_task_that_is_tried_again_is_counted_when_it_is_done() -> None:
    found = moved([(0, STARTED), (1, PUT_BACK), (2, STARTED), (3, ENDED)], until=4)

    assert (found.delivered, found.size) == (DONE.delivered, DONE.size)
    assert found.delivered > 0

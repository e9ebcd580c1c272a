from __future__ import annotations

import pytest

from adit_cli.engine.verdict import Rules, Verdict, disk_is_full, judge
from adit_cli.errors import Reason
from adit_cli.tasks.task import Outcome, TaskStatus
from tests.support.engine_tasks import DONE, NOT_FOUND, UNREACHABLE

RULES = Rules(attempts=3, retry_after=60.0)
INTERRUPTED = Outcome(TaskStatus.FAILURE, Reason.INTERRUPTED, "killed", transient=True)
OFFLINE = Outcome(TaskStatus.FAILURE, Reason.OFFLINE, "on a tape", transient=True)
FULL = Outcome(TaskStatus.FAILURE, Reason.DISK_FULL, "no room left", transient=True)
INCOMPLETE = Outcome(TaskStatus.WARNING, Reason.INCOMPLETE, "1 of 2 arrived", transient=True)


@pytest.mark.parametrize(
    ("outcome", "tries", "expected"),
    [
        (DONE, 1, Verdict(TaskStatus.SUCCESS)),
        (NOT_FOUND, 1, Verdict(TaskStatus.FAILURE)),
        (UNREACHABLE, 2, Verdict(TaskStatus.PENDING, 60.0)),
        (UNREACHABLE, 3, Verdict(TaskStatus.FAILURE)),
        (INCOMPLETE, 1, Verdict(TaskStatus.PENDING, 60.0)),
        (INCOMPLETE, 3, Verdict(TaskStatus.WARNING)),
        (OFFLINE, 1, Verdict(TaskStatus.PENDING, 360.0)),
        (OFFLINE, 3, Verdict(TaskStatus.FAILURE)),
        (INTERRUPTED, 1, Verdict(TaskStatus.PENDING, 0.0)),
        (INTERRUPTED, 3, Verdict(TaskStatus.FAILURE)),
        (FULL, 3, Verdict(TaskStatus.PENDING, counts=False)),
    ],
)
def test_a_task_goes_where_its_outcome_says(outcome: Outcome, tries: int, expected: Verdict) -> None:
    assert judge(outcome, tries, RULES, stopping=False) == expected


def test_what_was_interrupted_by_a_stop_uses_up_no_try() -> None:
    assert judge(INTERRUPTED, 3, RULES, stopping=True) == Verdict(TaskStatus.PENDING, counts=False)


def test_a_stop_changes_nothing_for_what_ended_by_itself() -> None:
    for outcome in (DONE, NOT_FOUND, UNREACHABLE):
        assert judge(outcome, 3, RULES, stopping=True) == judge(outcome, 3, RULES, stopping=False)


def test_only_what_did_not_succeed_for_want_of_room_is_a_full_disk() -> None:
    assert disk_is_full(FULL)
    assert not disk_is_full(UNREACHABLE)
    assert not disk_is_full(DONE)

"""What follows from the outcome of one attempt: done, failed, or once more. A pure decision."""

from __future__ import annotations

from dataclasses import dataclass

from adit_cli.errors import Reason
from adit_cli.tasks.task import Outcome, TaskStatus

PATIENCE_WITH_TAPES = 6
"""How many times longer the wait is for a study that must first be brought back from a tape."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How many workers there are and how often a task is tried."""

    workers: int = 2
    attempts: int = 3
    retry_after: float = 600.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Where a task goes after an attempt."""

    status: TaskStatus
    wait: float = 0.0
    """Seconds before the next attempt, where the status is pending."""
    counts: bool = True
    """Whether the attempt used up one of the task's tries."""


def judge(outcome: Outcome, tries: int, rules: Rules, *, stopping: bool) -> Verdict:
    """Return where a task goes whose attempt, the `tries`-th that counts, ended like this.

    A full disk and a stop are no fault of the task: it stays in line for the next run.
    """
    if outcome.status is TaskStatus.SUCCESS:
        return Verdict(TaskStatus.SUCCESS)
    if disk_is_full(outcome) or (stopping and outcome.reason is Reason.INTERRUPTED):
        return Verdict(TaskStatus.PENDING, counts=False)
    if outcome.transient and tries < rules.attempts:
        return Verdict(TaskStatus.PENDING, _wait(outcome, rules))
    return Verdict(outcome.status)


def _wait(outcome: Outcome, rules: Rules) -> float:
    match outcome.reason:
        case Reason.INTERRUPTED:
            return 0.0
        case Reason.OFFLINE:
            return rules.retry_after * PATIENCE_WITH_TAPES
        case _:
            return rules.retry_after


def disk_is_full(outcome: Outcome) -> bool:
    """Return whether the other tasks would end the same way."""
    return outcome.reason is Reason.DISK_FULL and outcome.status is not TaskStatus.SUCCESS

"""What a run says of itself, in sentences. No name, patient ID or pseudonym is ever in one."""

from __future__ import annotations

from typing import assert_never

from adit_cli.cli.wording import duration, moment, size
from adit_cli.counting import count
from adit_cli.engine.events import RunEnded, RunGrew, RunStarted, RunWaits, TaskEnded
from adit_cli.engine.hold import HeldBy, Hold
from adit_cli.tasks.task import TaskStatus

_NOT_RIGHT = (
    TaskStatus.WARNING,
    TaskStatus.FAILURE,
    TaskStatus.CANCELED,
    TaskStatus.PENDING,
    TaskStatus.RUNNING,
)


def started_line(event: RunStarted) -> str:
    """Return what the run is about to do; nothing where it is no job's."""
    if not event.job:
        return ""
    if event.growing:
        left = f"{count(event.pending, 'study')} in line, " if event.pending else ""
        workers = count(event.workers, "worker")
        return f"{event.job}: {left}{workers}; more is looked up while these move{_changes(event)}"
    if not event.total:
        return f"{event.job}: no study to move"
    if not event.pending:
        return f"{event.job}: nothing left to move, {count(event.total, 'study')} ended before"
    done = f", {event.total - event.pending} ended before" if event.total > event.pending else ""
    instances = f" ({count(event.instances, 'instance')})" if event.instances else ""
    workers = count(event.workers, "worker")
    line = f"{event.job}: {count(event.pending, 'study')}{instances} to move{done}, {workers}"
    return f"{line}{_changes(event)}"


def _changes(event: RunStarted) -> str:
    """Return what is different from the job's earlier runs, beyond new studies."""
    left_out = event.dropped - event.again
    again = f"; {count(event.again, 'study')} once more, since the rules have changed" if event.again else ""
    return again + (f"; {count(left_out, 'study')} no longer asked for" if left_out > 0 else "")


def grown_line(event: RunGrew, job: str) -> str:
    """Return what a part of the plan brought; nothing where that is nothing."""
    if not event.growing:
        return f"{job}: everything is looked up, {count(event.total, 'study')} in all"
    return f"{event.part}: {count(event.new, 'study')} more" if event.new else ""


def waits_line(event: RunWaits) -> str:
    """Return what the run waits for, and until when."""
    return f"waiting: {hold_words(event.hold)}; {count(event.pending, 'study')} in line"


def hold_words(hold: Hold) -> str:
    """Return what holds studies back, and until when."""
    match hold.by:
        case HeldBy.WINDOW:
            return f"the window of {hold.node} opens {moment(hold.until)}"
        case HeldBy.QUOTA:
            return f"limits.studies_per_hour of {hold.node} lets the next study in {moment(hold.until)}"
        case _:
            assert_never(hold.by)


def ended_line(event: TaskEnded) -> str:
    """Return how one attempt ended."""
    outcome = event.outcome
    if event.status is TaskStatus.SUCCESS:
        rate = f", {size(outcome.size / outcome.seconds)}/s" if outcome.seconds else ""
        moved = f"{count(outcome.delivered, 'instance')}, {size(outcome.size)}"
        return f"{event.study_uid} {moved} in {duration(outcome.seconds)}{rate}"
    status = "will be tried again" if event.status is TaskStatus.PENDING else event.status.value
    reason = f" ({outcome.reason.value})" if outcome.reason else ""
    return f"{event.study_uid} {status}{reason}: {outcome.message}"


def end_of_run(event: RunEnded) -> str:
    """Return the run's result, and what to do about what is not right."""
    counts = event.counts
    parts = [count(counts.get(TaskStatus.SUCCESS, 0), "study") + " done"]
    parts += [f"{counts[status]} {status.value}" for status in _NOT_RIGHT if counts.get(status)]
    moving = event.seconds - event.waited
    rate = f" ({size(event.size / moving)}/s)" if event.size and moving > 0 else ""
    waited = f" and {duration(event.waited)} of waiting" if event.waited >= 1 else ""
    moved = (
        f"{count(event.delivered, 'instance')}, {size(event.size)} moved in {duration(moving)}{waited}{rate}"
    )
    nothing = "nothing had to move" if len(parts) == 1 else "nothing moved"
    lines = [f"{event.job}: {', '.join(parts)}; {moved if event.delivered else nothing}"]
    if event.withheld:
        lines.append(f"  {count(event.withheld, 'instance')} withheld by the de-identification rules")
    if event.missing:
        lines.append(f"  {count(event.missing, 'instance')} listed by the source did not arrive")
    if event.unresolved:
        lines.append(f"  {count(event.unresolved, 'row or UID', 'rows or UIDs')} became no task")
    if event.unresolved or any(counts.get(s) for s in (TaskStatus.WARNING, TaskStatus.FAILURE)):
        lines.append(f"  what and why: adit status {event.job} --failed")
    if event.held:
        lines.append(f"  stopped outside a window: {hold_words(event.held)}; --wait waits for it")
    if event.unfinished:
        lines.append("  not everything was looked up")
    if event.unfinished or counts.get(TaskStatus.PENDING):
        lines.append("  run the same command again to go on where it stopped")
    return "\n".join(lines)

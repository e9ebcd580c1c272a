"""What the state of jobs looks like as rows and as sentences."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import typer

from adit_cli.cli.output import Format, Row, show_rows
from adit_cli.cli.sentences import hold_words
from adit_cli.cli.table import Column
from adit_cli.cli.wording import size
from adit_cli.counting import count, first_of
from adit_cli.engine.folders import JobFolder
from adit_cli.engine.hold import Hold
from adit_cli.engine.report import Summary, TaskRecord, open_reader
from adit_cli.tasks.inputs import InputRow
from adit_cli.tasks.task import TaskStatus, Unresolved

NAMED = 3
"""How many missing instances are named in a sentence; `--format` and the state hold all."""
LISTED = 10
"""How many rows without a study a run names at its end; `adit status --failed` names all."""
JOB_COLUMNS = {
    "job": Column("Job"),
    "state": Column("State"),
    **{str(status): Column(status.capitalize(), "IS") for status in TaskStatus},
    "unresolved": Column("Unresolved", "IS"),
    "last_run": Column("Last run"),
}
TASK_COLUMNS = {
    "study_uid": Column("Study UID", "UI"),
    "status": Column("Status"),
    "reason": Column("Reason"),
    "attempts": Column("Tries", "IS"),
    "expected": Column("Listed", "IS"),
    "delivered": Column("Delivered", "IS"),
    "size": Column("Bytes", "IS"),
    "message": Column("Message"),
}


RESULTS = frozenset(
    {
        *TASK_COLUMNS,
        *("received", "withheld", "rejected", "seconds", "rows", "hint", "notes"),
    }
)


def show_jobs(summaries: Iterable[Summary], output: Format | None) -> None:
    """Write a row for each job."""
    rows = [job_row(one) for one in summaries]
    if not rows:
        typer.echo("no job has run here yet", err=True)
    show_rows(rows, JOB_COLUMNS, output, uid="job")


def job_row(summary: Summary) -> Row:
    """Return a job as a row."""
    counts = {str(status): summary.counts.get(status, 0) or None for status in TaskStatus}
    hold = _held(summary)
    return {
        "job": summary.job,
        "state": state(summary),
        **counts,
        "unresolved": summary.unresolved or None,
        "last_run": when(summary.started),
        "waits_for": f"{hold.by} of {hold.node}" if hold else None,
        "waits_until": when(hold.until) if hold else None,
    }


def task_row(record: TaskRecord) -> dict[str, str | int | float | None]:
    """Return a task as a row."""
    outcome = record.outcome
    row: dict[str, str | int | float | None] = {
        "study_uid": record.study_uid,
        "status": record.status.value,
        "reason": outcome.reason.value if outcome and outcome.reason else "",
        "attempts": record.attempts,
    }
    if outcome is None:
        return row
    moved = {
        name: getattr(outcome, name) for name in ("expected", "received", "delivered", "withheld", "rejected")
    }
    rest = {
        "size": outcome.size,
        "seconds": round(outcome.seconds, 3),
        "rows": " ".join(map(str, record.rows)),
    }
    words = {"message": outcome.message, "hint": outcome.hint, "notes": "; ".join(outcome.notes)}
    return row | moved | rest | words


def row_columns(rows: Sequence[InputRow], *, several: bool) -> dict[str, str]:
    """Return what the cohort's rows say in columns of their own; of several tables also where the rows are.

    A column whose name a result has as well is marked as the cohort's.
    """
    found: dict[str, dict[str, None]] = {}
    for row in rows:
        for title, text in row.extra.items():
            found.setdefault(f"cohort {title}" if title in RESULTS else title, {})[text] = None
    columns = {title: "; ".join(filter(None, texts)) for title, texts in found.items()}
    return {"rows": ", ".join(row.where for row in rows)} | columns if several and rows else columns


def state(summary: Summary) -> str:
    """Return in a word or two what a job is doing."""
    if summary.pid is not None:
        return f"running ({summary.pid})" if summary.pid else "running"
    if summary.ended is None:
        return "was killed" if summary.runs else "never ran"
    left = summary.counts.get(TaskStatus.PENDING, 0) + summary.counts.get(TaskStatus.RUNNING, 0)
    return "stopped" if left else "finished"


def _held(summary: Summary) -> Hold | None:
    """Return what a job waits for, or what stopped it, as long as that holds."""
    if summary.held is None or (summary.pid is None and summary.ended is None):
        return None
    return summary.held if summary.held.until > time.time() else None


def when(seconds: float | None) -> str:
    """Return a moment in the user's own time."""
    return f"{datetime.fromtimestamp(seconds).astimezone():%Y-%m-%d %H:%M}" if seconds else ""


def summary_lines(summary: Summary) -> Iterator[str]:
    """Yield where a job stands."""
    runs = f", {count(summary.runs, 'run')}, the last one {when(summary.started)}" if summary.runs else ""
    yield f"{summary.job}: {state(summary)}{runs}"
    if hold := _held(summary):
        now = "stopped outside a window" if summary.pid is None else "waits"
        yield f"  {now}: {hold_words(hold)}"
    for tally in summary.tallies:
        reason = f" ({tally.reason.value})" if tally.reason else ""
        moved = f": {count(tally.delivered, 'instance')}, {size(tally.size)}" if tally.delivered else ""
        withheld = f", {tally.withheld} withheld" if tally.withheld else ""
        missing = f", {tally.missing} missing" if tally.missing else ""
        yield f"  {tally.tasks:>6} {tally.status.value}{reason}{moved}{withheld}{missing}"
    if summary.unresolved:
        yield f"  {summary.unresolved:>6} without a study"


def unresolved_of(folder: JobFolder) -> list[str]:
    """Return a line for each of the first rows and UIDs of a job that became no task."""
    with open_reader(folder) as reader:
        unresolved = reader.unresolved()
    lines = [f"{one.label}: {one.reason.value}: {one.message}" for one in unresolved]
    return [f"  {line}" for line in first_of(lines, LISTED)]


def problem_lines(records: Iterable[TaskRecord], unresolved: Iterable[Unresolved]) -> Iterator[str]:
    """Yield what went wrong, each with its reason and what to do."""
    for record in records:
        yield from _problem(record)
    for entry in unresolved:
        yield f"{entry.label}: {entry.reason.value}: {entry.message}"
        if entry.hint:
            yield f"    {entry.hint}"


def _problem(record: TaskRecord) -> Iterator[str]:
    outcome = record.outcome
    if outcome is None:
        return
    rows = f" (row {', '.join(map(str, record.rows))})" if record.rows else ""
    reason = f" {outcome.reason.value}" if outcome.reason else ""
    yield f"{record.study_uid}{rows}: {record.status.value}{reason}: {outcome.message}"
    yield from (f"    {note}" for note in outcome.notes)
    if outcome.missing:
        more = " ..." if len(outcome.missing) > NAMED else ""
        yield f"    missing: {', '.join(outcome.missing[:NAMED])}{more}"
    if outcome.hint:
        yield f"    {outcome.hint}"

"""How tasks, outcomes and unresolved entries look as rows of the state database, in one place."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from adit_cli.errors import Reason
from adit_cli.tasks.task import Outcome, TaskStatus, TransferTask, Unresolved

Row: TypeAlias = tuple[str | int | float | None, ...]


@dataclass(frozen=True, slots=True)
class Started:
    """An attempt that the state database knows to be under way."""

    task: TransferTask
    number: int
    """Counts all attempts there ever were at this task."""
    tries: int
    """Counts those since the task was last put in line, this one included."""


def task_row(task: TransferTask) -> Row:
    """Return what the columns of table task hold, from the key to the modalities."""
    return (
        task.key,
        task.study_uid,
        task.source,
        _json_texts(task.destinations),
        task.patient_id,
        task.issuer,
        task.pseudonym,
        _json_texts(task.series_uids),
        cohort_rows(task),
        task.instances,
        task.modalities,
    )


def task_of(row: sqlite3.Row) -> TransferTask:
    """Return the task of a row that has those columns."""
    return TransferTask(
        key=row["key"],
        study_uid=row["study_uid"],
        source=row["source"],
        destinations=tuple(json.loads(row["destinations"])),
        patient_id=row["patient_id"],
        issuer=row["issuer"],
        pseudonym=row["pseudonym"],
        series_uids=tuple(json.loads(row["series_uids"])),
        rows=tuple(json.loads(row["cohort_rows"])),
        instances=row["instances"],
        modalities=row["modalities"],
    )


def outcome_row(outcome: Outcome) -> Row:
    """Return what the columns of table attempt hold, from the status to the notes."""
    return (
        outcome.status,
        outcome.reason,
        outcome.message,
        outcome.hint,
        outcome.transient,
        outcome.expected,
        outcome.received,
        outcome.delivered,
        outcome.withheld,
        outcome.rejected,
        outcome.size,
        outcome.seconds,
        json.dumps(outcome.missing),
        json.dumps(outcome.notes),
    )


def outcome_of(row: sqlite3.Row) -> Outcome:
    """Return the outcome of a row that has those columns, of an attempt that ended."""
    return Outcome(
        status=TaskStatus(row["status"]),
        reason=None if row["reason"] is None else Reason(row["reason"]),
        message=row["message"],
        hint=row["hint"],
        transient=bool(row["transient"]),
        expected=row["expected"],
        received=row["received"],
        delivered=row["delivered"],
        withheld=row["withheld"],
        rejected=row["rejected"],
        size=row["size"],
        seconds=row["seconds"],
        missing=tuple(json.loads(row["missing"])),
        notes=tuple(json.loads(row["notes"])),
    )


def unresolved_row(entry: Unresolved) -> Row:
    """Return the values of the table's columns, in their order."""
    return (entry.label, entry.reason, entry.message, entry.hint, entry.row)


def cohort_rows(task: TransferTask) -> str:
    """Return the rows of the cohort as JSON; Python writes a list of numbers the same way, and faster."""
    return str(list(task.rows))


@lru_cache(maxsize=1024)
def _json_texts(values: tuple[str, ...]) -> str:
    return json.dumps(values)

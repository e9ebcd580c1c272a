"""Which tasks a job has: a new plan laid over what is known, and ended tasks put in line again.

The functions work inside the caller's transaction, so a plan is taken over whole or not at all.
"""

from __future__ import annotations

import difflib
import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from adit_cli.engine.rows import Row, cohort_rows, task_row, unresolved_row
from adit_cli.errors import Reason, UsageError
from adit_cli.tasks.task import TaskStatus, TransferTask, Unresolved

ENDED = (TaskStatus.SUCCESS, TaskStatus.WARNING, TaskStatus.FAILURE, TaskStatus.CANCELED)
SELECTORS = (*map(str, ENDED), *map(str, Reason))


@dataclass(frozen=True, slots=True)
class Merged:
    """What a new plan changed."""

    new: int = 0
    """Tasks that were not known."""
    again: int = 0
    """Those of the new ones whose study was in the job before, under rules that have changed since."""
    dropped: int = 0
    """Tasks that the job does not ask for any more."""


def merge(db: sqlite3.Connection, tasks: Iterable[TransferTask]) -> Merged:
    """Make these the job's tasks; others of an earlier plan are not asked for any more.

    The comparison is made here and only differences are written, since a resumed job has hardly any.
    """
    known = {row["key"]: _state(row) for row in db.execute(_KNOWN)}
    new, kept = _lay_over(db, tasks, known)
    dropped = {key for key, (planned, *_) in known.items() if planned} - kept
    studies = _studies(db, dropped)
    _drop(db, dropped)
    _insert(db, new)
    return Merged(len(new), sum(task.study_uid in studies for task in new), len(dropped))


def merge_part(db: sqlite3.Connection, tasks: Collection[TransferTask]) -> Merged:
    """Add these to the job's tasks."""
    keys = json.dumps([task.key for task in tasks])
    rows = db.execute(_KNOWN_OF_THESE, (keys,))
    new, _ = _lay_over(db, tasks, {row["key"]: _state(row) for row in rows})
    _insert(db, new)
    return Merged(len(new))


def drop_others(db: sqlite3.Connection, keys: Collection[str]) -> int:
    """Let go of the plan's tasks that are not among these; return how many that are."""
    planned = {row["key"] for row in db.execute("select key from task where planned = 1")}
    _drop(db, planned.difference(keys))
    return len(planned.difference(keys))


_KNOWN = "select key, planned, cohort_rows, instances from task"
_KNOWN_OF_THESE = (
    "select key, planned, cohort_rows, instances from task where key in (select value from json_each(?))"
)


def _state(row: sqlite3.Row) -> Row:
    return row["planned"], row["cohort_rows"], row["instances"]


def _lay_over(
    db: sqlite3.Connection, tasks: Iterable[TransferTask], known: Mapping[str, Row]
) -> tuple[list[TransferTask], set[str]]:
    """Bring the known tasks up to date; return the new ones, and the keys of those that were known."""
    new: dict[str, TransferTask] = {}
    changed: list[Row] = []
    kept: set[str] = set()
    for task in tasks:
        if task.key not in known:
            new[task.key] = task
            continue
        kept.add(task.key)
        values = (1, cohort_rows(task), task.instances)
        if known[task.key] != values:
            changed.append((*values, task.key))
    db.executemany("update task set planned = ?, cohort_rows = ?, instances = ? where key = ?", changed)
    return list(new.values()), kept


def _insert(db: sqlite3.Connection, tasks: Iterable[TransferTask]) -> None:
    db.executemany(
        "insert into task (key, study_uid, source, destinations, patient_id, issuer, pseudonym, series_uids,"
        " cohort_rows, instances, modalities) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        map(task_row, tasks),
    )


def _drop(db: sqlite3.Connection, keys: Iterable[str]) -> None:
    db.executemany("update task set planned = 0 where key = ?", ((key,) for key in keys))


def _studies(db: sqlite3.Connection, keys: set[str]) -> set[str]:
    rows = (db.execute("select study_uid from task where key = ?", (key,)).fetchone() for key in keys)
    return {row["study_uid"] for row in rows}


def replace_unresolved(
    db: sqlite3.Connection, unresolved: Iterable[Unresolved], part: str | None = None
) -> None:
    """Keep what this plan, or this part of one, could not resolve; forget what an earlier one could not."""
    db.execute("delete from unresolved where ? is null or part = ?", (part, part))
    db.executemany(
        "insert into unresolved (label, reason, message, hint, cohort_row, part) values (?, ?, ?, ?, ?, ?)",
        ((*unresolved_row(one), part or "") for one in unresolved),
    )


def requeue(db: sqlite3.Connection, selectors: Collection[str]) -> int:
    """Put tasks of the plan back in line that ended with such a status or reason; return how many."""
    check_selectors(selectors)
    changed = db.execute(
        "update task set status = 'pending', tries = 0, retry_at = 0"
        " where planned = 1 and (status in (select value from json_each(:chosen))"
        " or status in ('warning', 'failure') and exists ("
        " select 1 from attempt where attempt.task = task.number and attempt.number = task.attempts"
        " and attempt.reason in (select value from json_each(:chosen))))"
        " and status not in ('pending', 'running')",
        {"chosen": json.dumps(list(selectors))},
    )
    return changed.rowcount


def check_selectors(selectors: Iterable[str]) -> None:
    """Raise UsageError for a selector that is neither a status nor a reason."""
    for selector in selectors:
        if selector not in SELECTORS:
            close = difflib.get_close_matches(selector, SELECTORS, n=1)
            raise UsageError(
                f"no task ends as {selector}",
                hint=f"did you mean {close[0]}?" if close else f"use one of {', '.join(SELECTORS)}",
            )

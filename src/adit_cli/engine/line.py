"""The tasks in line, as the state database knows them: which is next, and when it may run."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from typing import Final

_TASK: Final = (
    "select number, attempts, tries, key, study_uid, source, destinations, patient_id, issuer,"
    " pseudonym, series_uids, cohort_rows, instances, modalities from task"
)
_OF_ALL: Final = " indexed by task_in_line where status = 'pending' and planned = 1"
_OF_ONE: Final = " indexed by task_of_source_in_line where status = 'pending' and planned = 1 and source = ?"


def first(db: sqlite3.Connection, now: float, source: str | None) -> sqlite3.Row | None:
    """Return the next task that may run now, of one source or of all.

    Due retries come before new tasks, so that what they keep in the spool does not pile up.
    """
    return _in_line(db, _TASK, source, " and retry_at <= ? order by retry_at desc, number limit 1", now)


def _in_line(
    db: sqlite3.Connection, what: str, source: str | None, which: str, *values: float
) -> sqlite3.Row | None:
    where, of = (_OF_ALL, ()) if source is None else (_OF_ONE, (source,))
    return db.execute(what + where + which, (*of, *values)).fetchone()


def next_source(db: sqlite3.Connection, now: float, sources: Collection[str] | None) -> str | None:
    """Return the source of the next task that may run now, of these sources or, with None, of all."""
    rows = (first(db, now, source) for source in ((None,) if sources is None else sources))
    return next((row["source"] for row in rows if row is not None), None)


def next_due(db: sqlite3.Connection, sources: Collection[str] | None) -> float | None:
    """Return when the first of the tasks in line may run, of these sources or of all; None without any."""
    times = (_due(db, source) for source in ((None,) if sources is None else sources))
    return min((due for due in times if due is not None), default=None)


def _due(db: sqlite3.Connection, source: str | None) -> float | None:
    row = _in_line(db, "select retry_at from task", source, " order by retry_at limit 1")
    return None if row is None else float(row["retry_at"])


def instances(db: sqlite3.Connection) -> int | None:
    """Return how many instances the tasks in line have; None where the source did not say for all."""
    row = db.execute(
        "select count(*) as tasks, count(instances) as known, sum(instances) as instances"
        " from task indexed by task_in_line where status = 'pending' and planned = 1"
    ).fetchone()
    return int(row["instances"] or 0) if row["known"] == row["tasks"] else None

"""The rows of a job's cohorts, kept so that results can be shown beside what the user wrote.

The functions work inside the caller's transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable

from adit_cli.tasks.inputs import InputRow


def fingerprint(db: sqlite3.Connection) -> str | None:
    """Return which state of the tables the rows are of; None where none were kept."""
    row = db.execute("select fingerprint from cohort").fetchone()
    return None if row is None else str(row["fingerprint"])


def keep(db: sqlite3.Connection, fingerprint: str, rows: Iterable[InputRow]) -> None:
    """Keep these rows in place of all earlier ones."""
    db.execute("delete from cohort")
    db.execute("delete from cohort_row")
    db.executemany(
        "insert into cohort_row (number, place, extra) values (?, ?, ?)",
        ((row.number, row.where, json.dumps(row.extra, ensure_ascii=False)) for row in rows),
    )
    db.execute("insert into cohort (fingerprint) values (?)", (fingerprint,))


def rows_of(db: sqlite3.Connection, numbers: Iterable[int]) -> list[InputRow]:
    """Return the rows with these numbers, in their order."""
    found = db.execute(
        "select number, place, extra from cohort_row"
        " where number in (select value from json_each(?)) order by number",
        (json.dumps(list(numbers)),),
    )
    return [InputRow(row["number"], row["place"], json.loads(row["extra"])) for row in found]


def tables(db: sqlite3.Connection) -> int:
    """Return how many tables the rows come from."""
    row = db.execute("select fingerprint from cohort").fetchone()
    return len(str(row["fingerprint"]).splitlines()) if row else 0

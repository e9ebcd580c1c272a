"""How far the plan of a job is: which parts of it are asked, so that a run that was ended goes on from there.

The functions work inside the caller's transaction.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection
from dataclasses import dataclass

FRESH = 3600.0
"""Seconds for which a part of a plan that was never finished need not be asked again."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What an earlier run of the job asked for, and how far it came."""

    digest: str
    complete: bool
    parts: frozenset[str] = frozenset()
    """Parts that were asked of late, of a plan that is not complete."""


def asked(db: sqlite3.Connection, now: float) -> Asked | None:
    """Return how far the plan is; None where none was begun."""
    row = db.execute("select digest, complete from plan").fetchone()
    if row is None:
        return None
    parts = db.execute("select label from part where resolved > ? and not ?", (now - FRESH, row["complete"]))
    return Asked(row["digest"], bool(row["complete"]), frozenset(part["label"] for part in parts))


def begin(db: sqlite3.Connection, digest: str, keep: Collection[str]) -> None:
    """Note that a plan is begun; of an earlier one only the parts count that are kept."""
    db.execute("delete from plan")
    db.execute("delete from unresolved where part = ''")
    db.execute("insert into plan (digest, complete) values (?, 0)", (digest,))
    if not keep:
        db.execute("delete from part")


def note_part(db: sqlite3.Connection, label: str) -> None:
    """Note that a part is asked, and its tasks are in line."""
    db.execute("insert or replace into part (label, resolved) values (?, ?)", (label, time.time()))


def finish(db: sqlite3.Connection) -> None:
    """Note that everything is asked; what is left of parts that are no longer asked for is forgotten."""
    db.execute("delete from unresolved where part not in (select label from part) and part <> ''")
    db.execute("delete from part")
    db.execute("update plan set complete = 1")

"""The state database: its numbered schema steps, how it is opened, and how its errors become ours.

A person can read the file: `sqlite3 state.sqlite 'select * from result'`. Times are seconds since 1970 in
the tables and written out in the view; lists are JSON.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from adit_cli.errors import AditError, DiskFullError, StateError

FULL_DISK = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_FSYNC)
BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)

STEPS = (
    """
    create table task (
        number integer primary key,
        key text not null unique,
        planned integer not null default 1,   -- 0: an earlier plan made it, the present one does not
        status text not null default 'pending',
        study_uid text not null,
        source text not null,
        destinations text not null,
        patient_id text not null,
        issuer text not null,
        pseudonym text,
        series_uids text not null,
        cohort_rows text not null,
        instances integer,
        attempts integer not null default 0,  -- all there ever were
        tries integer not null default 0,     -- those that count since it was last put in line
        retry_at real not null default 0      -- not before this time
    )
    """,
    "create index task_in_line on task (retry_at desc, number) where status = 'pending' and planned = 1",
    "create index task_by_status on task (planned, status)",
    """
    create table attempt (
        task integer not null references task (number),
        number integer not null,
        started real not null,
        ended real,
        status text,
        reason text,
        message text not null default '',
        hint text not null default '',
        transient integer not null default 0,
        expected integer not null default 0,
        received integer not null default 0,
        delivered integer not null default 0,
        withheld integer not null default 0,
        rejected integer not null default 0,
        size integer not null default 0,
        seconds real not null default 0,
        missing text not null default '[]',
        notes text not null default '[]',
        primary key (task, number)
    ) without rowid
    """,
    """
    create table unresolved (
        label text not null,
        reason text not null,
        message text not null,
        hint text not null,
        cohort_row integer
    )
    """,
    """
    create table run (
        number integer primary key,
        job text not null,
        pid integer not null,
        started real not null,
        ended real,
        exit_code integer
    )
    """,
    """
    create view result as
    select task.study_uid, task.status, attempt.reason, attempt.message, attempt.hint,
        attempt.expected, attempt.received, attempt.delivered, attempt.withheld, attempt.rejected,
        json_array_length(attempt.missing) as missing, attempt.size, task.attempts,
        datetime(attempt.started, 'unixepoch', 'localtime') as started,
        datetime(attempt.ended, 'unixepoch', 'localtime') as ended,
        task.cohort_rows, task.key
    from task left join attempt on attempt.task = task.number and attempt.number = task.attempts
    where task.planned = 1
    """,
    "alter table task add column modalities text not null default ''",
    "alter table unresolved add column part text not null default ''",
    """
    create table plan (
        digest text not null,                 -- of what the job asks for and all that determines the result
        complete integer not null             -- 0: a run ended before everything was asked
    )
    """,
    "create table part (label text primary key, resolved real not null) without rowid",
    "create table cohort (fingerprint text not null)",
    "create table cohort_row (number integer primary key, place text not null, extra text not null)",
    """
    create index task_of_source_in_line on task (source, retry_at desc, number)
    where status = 'pending' and planned = 1
    """,
    "alter table run add column waits_at text not null default ''",
    "alter table run add column waits_for text not null default ''",
    "alter table run add column waits_until real",
)


@contextmanager
def opened(path: Path) -> Generator[sqlite3.Connection]:
    """Open the database for the `with` block, made or brought up to date where needed."""
    with translated(path):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        db = sqlite3.connect(path, timeout=10, isolation_level=None)
        db.row_factory = sqlite3.Row
    try:
        with translated(path):
            _prepare(db, path)
        yield db
    finally:
        db.close()


@contextmanager
def transaction(db: sqlite3.Connection, path: Path) -> Generator[None]:
    """Commit what the `with` block writes, all of it or nothing."""
    with translated(path):
        db.execute("begin immediate")
        try:
            yield
        except BaseException:
            if db.in_transaction:  # SQLite itself rolls back when the disk is full
                db.execute("rollback")
            raise
        db.execute("commit")


@contextmanager
def translated(path: Path) -> Generator[None]:
    """Turn what SQLite and the file system say into errors the user can act on."""
    try:
        yield
    except sqlite3.Error as error:
        raise _as_ours(error, path) from error
    except OSError as error:
        raise StateError(f"cannot use the state database {path}: {error.strerror}") from error


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    """Set the connection up and apply the steps this file has not seen; a released step is never edited."""
    db.execute("pragma temp_store = memory")
    db.execute("pragma synchronous = normal")
    if _version(db) == len(STEPS):
        return
    db.execute("pragma journal_mode = wal")
    with transaction(db, path):
        done = _version(db)
        if done > len(STEPS):
            raise StateError(
                f"the state database {path} was written by a newer version of ADIT",
                hint="update ADIT, or use another --state-dir",
            )
        for step in STEPS[done:]:
            db.execute(step)
        db.execute(f"pragma user_version = {len(STEPS)}")


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("pragma user_version").fetchone()[0])


def _as_ours(error: sqlite3.Error, path: Path) -> AditError:
    code = getattr(error, "sqlite_errorcode", None)
    if code in FULL_DISK:
        return DiskFullError(
            f"no room left for the state database {path}", hint="free some space and run again: it continues"
        )
    if code in BUSY:
        return StateError(
            f"the state database {path} is locked by another process", hint="close it and run again"
        )
    return StateError(
        f"the state database {path} is unusable: {error}",
        hint="restore it from a copy, or move its folder away to start the job from the beginning",
    )

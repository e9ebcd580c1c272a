"""What a job's state says, for `adit status` and the like. Only reads, also while a run is going on."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from adit_cli.engine import inputs
from adit_cli.engine.folders import JobFolder, StateFolder
from adit_cli.engine.hold import HeldBy, Hold
from adit_cli.engine.lock import holder
from adit_cli.engine.rows import outcome_of
from adit_cli.engine.schema import opened, translated
from adit_cli.errors import Reason, UsageError
from adit_cli.tasks.inputs import InputRow
from adit_cli.tasks.task import Attempt, Outcome, TaskStatus, Unresolved

PAGE = 500


@dataclass(frozen=True, slots=True)
class Tally:
    """How many tasks stand at one status for one reason, and what their last attempts moved."""

    status: TaskStatus
    reason: Reason | None
    tasks: int
    delivered: int
    withheld: int
    missing: int
    size: int


@dataclass(frozen=True, slots=True)
class Summary:
    """Where a job stands."""

    job: str
    tallies: tuple[Tally, ...] = ()
    unresolved: int = 0
    runs: int = 0
    started: float | None = None
    """When the last run started, in seconds since 1970."""
    ended: float | None = None
    """When the last run ended; None while it goes on, or where it was killed."""
    exit_code: int | None = None
    pid: int | None = None
    """The process that runs it now."""
    held: Hold | None = None
    """What the last run waits for, or was stopped by."""

    @property
    def counts(self) -> dict[TaskStatus, int]:
        """How many tasks stand where."""
        counts: dict[TaskStatus, int] = {}
        for tally in self.tallies:
            counts[tally.status] = counts.get(tally.status, 0) + tally.tasks
        return counts


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """One task as it stands, without what identifies the patient."""

    key: str
    study_uid: str
    rows: tuple[int, ...]
    status: TaskStatus
    attempts: int
    outcome: Outcome | None = None
    """How the last attempt ended; None where there was none, or it is under way."""
    started: float | None = None
    ended: float | None = None


class StateReader:
    """Reads one job's state database."""

    def __init__(self, db: sqlite3.Connection, folder: JobFolder) -> None:
        self._db = db
        self._folder = folder

    def summary(self) -> Summary:
        """Return where the job stands; the cost hardly depends on how many tasks there are."""
        with translated(self._folder.database):
            run = self._db.execute(
                "select number, job, started, ended, exit_code, waits_at, waits_for, waits_until from run"
                " order by number desc limit 1"
            ).fetchone()
            (unresolved,) = self._db.execute("select count(*) from unresolved").fetchone()
        tallies = tuple(self.tallies())
        if run is None:
            return Summary(self._folder.path.name, tallies, unresolved)
        return Summary(
            job=run["job"],
            tallies=tallies,
            unresolved=unresolved,
            runs=run["number"],
            started=run["started"],
            ended=run["ended"],
            exit_code=run["exit_code"],
            pid=holder(self._folder),
            held=_hold(run),
        )

    def tallies(self) -> list[Tally]:
        """Return the tasks of the plan, counted by status and reason."""
        with translated(self._folder.database):
            rows = self._db.execute(
                "select task.status, attempt.reason, count(*) as tasks,"
                " total(attempt.delivered) as delivered, total(attempt.withheld) as withheld,"
                " total(attempt.size) as size, total(json_array_length(attempt.missing)) as missing"
                " from task left join attempt"
                " on attempt.task = task.number and attempt.number = task.attempts"
                " where task.planned = 1 group by task.status, attempt.reason"
            ).fetchall()
        return [_tally(row) for row in rows]

    def unresolved(self) -> list[Unresolved]:
        """Return what of the job became no task."""
        with translated(self._folder.database):
            rows = self._db.execute(
                "select label, reason, message, hint, cohort_row from unresolved order by rowid"
            ).fetchall()
        return [
            Unresolved(row["label"], Reason(row["reason"]), row["message"], row["hint"], row["cohort_row"])
            for row in rows
        ]

    def tasks(self, selectors: Collection[str] = ()) -> Iterator[TaskRecord]:
        """Return the tasks of the plan, page by page; `selectors` are statuses and reasons, none is all."""
        last = 0
        while rows := self._page(selectors, last):
            yield from map(_record, rows)
            last = rows[-1]["number"]

    def _page(self, selectors: Collection[str], after: int) -> list[sqlite3.Row]:
        """Return some tasks in the order of the plan; the `+` keeps SQLite from an index in another order."""
        with translated(self._folder.database):
            return self._db.execute(
                "select task.number, task.key, task.study_uid, task.cohort_rows, task.status as stands,"
                " task.attempts, attempt.started, attempt.ended, attempt.status, attempt.reason,"
                " attempt.message, attempt.hint, attempt.transient, attempt.expected, attempt.received,"
                " attempt.delivered, attempt.withheld, attempt.rejected, attempt.size, attempt.seconds,"
                " attempt.missing, attempt.notes"
                " from task left join attempt"
                " on attempt.task = task.number and attempt.number = task.attempts"
                " where +task.planned = 1 and task.number > :after and (:all"
                " or task.status in (select value from json_each(:chosen))"
                " or attempt.reason in (select value from json_each(:chosen)))"
                " order by task.number limit :page",
                {
                    "after": after,
                    "all": not selectors,
                    "chosen": json.dumps(list(selectors)),
                    "page": PAGE,
                },
            ).fetchall()

    def inputs(self, numbers: Collection[int]) -> list[InputRow]:
        """Return rows of the job's cohorts by their numbers."""
        if not numbers:
            return []
        with translated(self._folder.database):
            return inputs.rows_of(self._db, numbers)

    @property
    def tables(self) -> int:
        """How many tables the rows of the job come from."""
        with translated(self._folder.database):
            return inputs.tables(self._db)

    def delivered(self) -> set[str]:
        """Return the studies that were delivered whole, whatever the job asks for now."""
        with translated(self._folder.database):
            rows = self._db.execute(
                "select task.study_uid from task join attempt"
                " on attempt.task = task.number and attempt.number = task.attempts"
                " where task.status = 'success' or task.status = 'warning' and attempt.rejected = 0"
                " and json_array_length(attempt.missing) = 0"
            )
            return {row["study_uid"] for row in rows}

    def attempts(self, key: str) -> list[Attempt]:
        """Return every attempt at a task, the first one first."""
        with translated(self._folder.database):
            rows = self._db.execute(
                "select task.key, attempt.number, attempt.started, attempt.ended, attempt.status,"
                " attempt.reason, attempt.message, attempt.hint, attempt.transient, attempt.expected,"
                " attempt.received, attempt.delivered, attempt.withheld, attempt.rejected, attempt.size,"
                " attempt.seconds, attempt.missing, attempt.notes"
                " from task join attempt on attempt.task = task.number where task.key = ?"
                " order by attempt.number",
                (key,),
            ).fetchall()
        return [
            Attempt(row["key"], row["number"], row["started"], row["ended"], _outcome(row)) for row in rows
        ]

    def statuses(self, keys: Iterable[str]) -> dict[str, TaskStatus]:
        """Return where those of the keys stand that the job knows, whatever plan made them."""
        with translated(self._folder.database):
            known = dict(self._db.execute("select key, status from task").fetchall())
        return {key: TaskStatus(known[key]) for key in keys if key in known}


@contextmanager
def open_reader(folder: JobFolder) -> Generator[StateReader]:
    """Open the state of a job that ran before; UsageError where none did."""
    if not folder.database.exists():
        raise UsageError(
            f"no job has run as {folder.path.name} here", hint="`adit jobs` lists those that have"
        )
    with opened(folder.database) as db:
        yield StateReader(db, folder)


def summaries(state: StateFolder) -> Iterator[Summary]:
    """Return where each job of this state folder stands."""
    for folder in state.jobs():
        with open_reader(folder) as reader:
            yield reader.summary()


def _hold(run: sqlite3.Row) -> Hold | None:
    if run["waits_until"] is None:
        return None
    return Hold(run["waits_at"], HeldBy(run["waits_for"]), run["waits_until"])


def _tally(row: sqlite3.Row) -> Tally:
    return Tally(
        TaskStatus(row["status"]),
        None if row["reason"] is None else Reason(row["reason"]),
        row["tasks"],
        int(row["delivered"]),
        int(row["withheld"]),
        int(row["missing"]),
        int(row["size"]),
    )


def _record(row: sqlite3.Row) -> TaskRecord:
    return TaskRecord(
        key=row["key"],
        study_uid=row["study_uid"],
        rows=tuple(json.loads(row["cohort_rows"])),
        status=TaskStatus(row["stands"]),
        attempts=row["attempts"],
        outcome=_outcome(row),
        started=row["started"],
        ended=row["ended"],
    )


def _outcome(row: sqlite3.Row) -> Outcome | None:
    return None if row["status"] is None else outcome_of(row)

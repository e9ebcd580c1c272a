"""The state of one job: which tasks there are, and how each attempt ended. Its run is the only writer.

Each method is one transaction. Commits survive the death of the program at any moment; a power cut may
lose the last seconds (`synchronous = normal` with a write-ahead log), whose work is then done again.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Collection, Generator, Iterable
from contextlib import contextmanager

from adit_cli.engine import inputs, line, progress, replan
from adit_cli.engine.folders import JobFolder
from adit_cli.engine.hold import Hold
from adit_cli.engine.progress import Asked
from adit_cli.engine.replan import Merged
from adit_cli.engine.rows import Started, outcome_row, task_of
from adit_cli.engine.schema import opened, transaction, translated
from adit_cli.errors import Reason
from adit_cli.jobfile.job import Job
from adit_cli.tasks.inputs import fingerprint, input_rows
from adit_cli.tasks.task import Outcome, TaskStatus, TransferTask, Unresolved

LEFT_RUNNING = Outcome(
    TaskStatus.FAILURE,
    Reason.INTERRUPTED,
    "the run ended before this attempt did",
    "nothing to do: it is tried again",
    transient=True,
)


@contextmanager
def open_state(folder: JobFolder) -> Generator[StateStore]:
    """Open a job's state as its only writer, with nothing left running; the caller holds the job's lock."""
    folder.create()
    with opened(folder.database) as db:
        store = StateStore(db, folder)
        store.recover()
        yield store


class StateStore:
    """Reads and writes one job's state database."""

    def __init__(self, db: sqlite3.Connection, folder: JobFolder) -> None:
        self.folder = folder
        self._db = db

    def recover(self) -> int:
        """Put what a dead run left running back in line, with an interrupted attempt; return how many.

        Those attempts use up no try, and what waited for its next try waits no longer.
        """
        with self._writing():
            left = self._db.execute("select number, attempts from task where status = 'running'").fetchall()
            for row in left:
                self._end_attempt(row["number"], row["attempts"], LEFT_RUNNING)
            self._db.execute("update task set status = 'pending' where status = 'running'")
            self._db.execute(
                "update task set tries = 0, retry_at = 0"
                " where status = 'pending' and planned = 1 and (tries > 0 or retry_at > 0)"
            )
        return len(left)

    def begin_run(self, job: str) -> int:
        """Note that a run starts; return its number."""
        with self._writing():
            added = self._db.execute(
                "insert into run (job, pid, started) values (?, ?, ?)", (job, os.getpid(), time.time())
            )
        return added.lastrowid or 0

    def end_run(self, number: int, exit_code: int) -> None:
        """Note how a run ended."""
        with self._writing():
            self._db.execute(
                "update run set ended = ?, exit_code = ? where number = ?", (time.time(), exit_code, number)
            )

    def note_wait(self, run: int, hold: Hold | None) -> None:
        """Note what a run waits for, and until when; None is nothing."""
        held = (hold.node, hold.by, hold.until) if hold else ("", "", None)
        with self._writing():
            self._db.execute(
                "update run set waits_at = ?, waits_for = ?, waits_until = ? where number = ?", (*held, run)
            )

    def add_tasks(
        self, tasks: Iterable[TransferTask], unresolved: Iterable[Unresolved] = (), digest: str = ""
    ) -> Merged:
        """Make these the job's tasks; return what that changed. The digest tells this plan from others.

        A known key stays as it is, with its status. Tasks of an earlier plan that are not among these are
        kept for the record, but no longer run or counted.
        """
        with self._writing():
            progress.begin(self._db, digest, ())
            progress.finish(self._db)
            merged = replan.merge(self._db, tasks)
            replan.replace_unresolved(self._db, unresolved)
        return merged

    def asked(self) -> Asked | None:
        """Return how far the plan of the job is; None where none was ever begun."""
        with translated(self.folder.database):
            return progress.asked(self._db, time.time())

    def keep_inputs(self, job: Job) -> None:
        """Keep the rows of the job's cohorts, unless they are kept as they stand."""
        now = fingerprint(job)
        with self._writing():
            if now != (inputs.fingerprint(self._db) or ""):
                inputs.keep(self._db, now, input_rows(job))

    def begin_plan(self, digest: str, keep: Collection[str]) -> None:
        """Note that a plan is begun that comes in parts, of which these need not come again."""
        with self._writing():
            progress.begin(self._db, digest, keep)

    def add_part(
        self, part: str, tasks: Collection[TransferTask], unresolved: Iterable[Unresolved]
    ) -> Merged:
        """Add the tasks of a part of the plan to the job's."""
        with self._writing():
            merged = replan.merge_part(self._db, tasks)
            replan.replace_unresolved(self._db, unresolved, part)
            progress.note_part(self._db, part)
        return merged

    def finish_plan(self, keys: Collection[str] | None) -> int:
        """Note that all parts have come; return how many tasks are not among these keys and are let go."""
        with self._writing():
            progress.finish(self._db)
            return 0 if keys is None else replan.drop_others(self._db, keys)

    def requeue(self, selectors: Collection[str]) -> int:
        """Put ended tasks back in line: those with such a status or reason; return how many."""
        with self._writing():
            return replan.requeue(self._db, selectors)

    def start_attempt(self, now: float, source: str | None = None) -> Started | None:
        """Take the next task in line, of one source or of all, and note that it runs; None without any."""
        with self._writing():
            row = line.first(self._db, now, source)
            if row is None:
                return None
            self._db.execute(
                "update task set status = 'running', attempts = attempts + 1, tries = tries + 1"
                " where number = ?",
                (row["number"],),
            )
            self._db.execute(
                "insert into attempt (task, number, started) values (?, ?, ?)",
                (row["number"], row["attempts"] + 1, now),
            )
        return Started(task_of(row), row["attempts"] + 1, row["tries"] + 1)

    def finish_attempt(
        self,
        started: Started,
        outcome: Outcome,
        status: TaskStatus,
        *,
        retry_at: float = 0,
        counts: bool = True,
    ) -> None:
        """Note how an attempt ended and where its task stands now; `counts` is whether it used up a try."""
        with self._writing():
            (number,) = self._db.execute(
                "select number from task where key = ?", (started.task.key,)
            ).fetchone()
            self._end_attempt(number, started.number, outcome)
            self._db.execute(
                "update task set status = ?, tries = tries - ?, retry_at = ? where number = ?",
                (status, 0 if counts else 1, retry_at, number),
            )

    def next_source(self, now: float, sources: Collection[str] | None = None) -> str | None:
        """Return the source of the next task that may run now, of these sources or of all."""
        with translated(self.folder.database):
            return line.next_source(self._db, now, sources)

    def next_due(self, sources: Collection[str] | None = None) -> float | None:
        """Return when the first of the tasks in line may run, of these sources or of all."""
        with translated(self.folder.database):
            return line.next_due(self._db, sources)

    def instances_in_line(self) -> int | None:
        """Return how many instances the tasks in line have; None where the source did not say for all."""
        with translated(self.folder.database):
            return line.instances(self._db)

    def counts(self) -> dict[TaskStatus, int]:
        """Return how many tasks of the plan stand where."""
        with translated(self.folder.database):
            rows = self._db.execute("select status, count(*) from task where planned = 1 group by status")
            return {TaskStatus(status): number for status, number in rows}

    def in_line(self, key: str) -> bool:
        """Return whether the task with this key is still to be done under the present plan."""
        with translated(self.folder.database):
            row = self._db.execute(
                "select 1 from task where key = ? and planned = 1 and status in ('pending', 'running')",
                (key,),
            ).fetchone()
        return row is not None

    def pseudonyms(self) -> dict[tuple[str, str], str]:
        """Return the pseudonym that this job gave each (issuer, patient ID), the latest of several."""
        with translated(self.folder.database):
            rows = self._db.execute(
                "select issuer, patient_id, pseudonym from task where pseudonym is not null order by number"
            )
            return {(row["issuer"], row["patient_id"]): row["pseudonym"] for row in rows}

    def _end_attempt(self, task: int, number: int, outcome: Outcome) -> None:
        self._db.execute(
            "update attempt set ended = ?, status = ?, reason = ?, message = ?, hint = ?, transient = ?,"
            " expected = ?, received = ?, delivered = ?, withheld = ?, rejected = ?, size = ?, seconds = ?,"
            " missing = ?, notes = ? where task = ? and number = ?",
            (time.time(), *outcome_row(outcome), task, number),
        )

    @contextmanager
    def _writing(self) -> Generator[None]:
        with transaction(self._db, self.folder.database):
            yield

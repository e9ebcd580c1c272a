"""Every order of plans, attempts, outcomes and kills leaves each task where it must be."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from adit_cli.engine.folders import JobFolder
from adit_cli.engine.rows import Started
from adit_cli.engine.state import StateStore, open_state
from adit_cli.engine.verdict import Rules, judge
from adit_cli.errors import Reason
from adit_cli.tasks.task import Outcome, TaskStatus
from tests.support.engine_tasks import DONE, NOT_FOUND, UNREACHABLE, task

KEYS = ("a", "b", "c", "d")
RULES = Rules(attempts=2, retry_after=10.0)
WARNING = Outcome(TaskStatus.WARNING, Reason.INCOMPLETE, "1 of 2 arrived")
OUTCOMES = st.sampled_from((DONE, UNREACHABLE, NOT_FOUND, UNREACHABLE, WARNING))


@dataclass
class Expected:
    """What one task must look like."""

    status: TaskStatus = TaskStatus.PENDING
    attempts: int = 0
    tries: int = 0
    due: float = 0.0
    reason: Reason | None = None
    planned: bool = True


class Snapshot:
    """Copies the database as a kill leaves it: some statements into a step, or before its last commit."""

    def __init__(self, source: JobFolder, target: JobFolder, after: int) -> None:
        self.source, self.target, self.after = source, target, after

    def __call__(self, statement: str) -> None:
        self.after -= 1
        if self.after == -1 or (self.after >= 0 and statement == "commit"):
            self.target.create()
            for file in self.source.path.glob("state.sqlite*"):
                if not file.name.endswith("-shm"):
                    shutil.copy(file, self.target.path)


class Tasks(RuleBasedStateMachine):
    """The store against a model of it."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.generation = 0
        self.clock = 1.0
        self.expected: dict[str, Expected] = {}
        self.running: list[Started] = []
        self.resources = ExitStack()
        self.open()

    @property
    def folder(self) -> JobFolder:
        return JobFolder(self.root / str(self.generation))

    def open(self) -> None:
        self.store: StateStore = self.resources.enter_context(open_state(self.folder))

    def teardown(self) -> None:
        self.resources.close()
        shutil.rmtree(self.root)

    @rule(keys=st.sets(st.sampled_from(KEYS)))
    def plan(self, keys: set[str]) -> None:
        self.store.add_tasks([task(key) for key in sorted(keys)])
        for key, expected in self.expected.items():
            expected.planned = key in keys
        for key in sorted(keys):
            self.expected.setdefault(key, Expected())

    @rule()
    def start(self) -> None:
        started = self.store.start_attempt(self.clock)
        due = {
            key
            for key, expected in self.expected.items()
            if expected.planned and expected.status is TaskStatus.PENDING and expected.due <= self.clock
        }
        assert (started is None) == (not due)
        if started is not None:
            assert started.task.key in due
            expected = self.expected[started.task.key]
            expected.status = TaskStatus.RUNNING
            expected.attempts += 1
            expected.tries += 1
            assert (started.number, started.tries) == (expected.attempts, expected.tries)
            self.running.append(started)

    @precondition(lambda self: self.running)
    @rule(outcome=OUTCOMES, stopping=st.booleans())
    def finish(self, outcome: Outcome, *, stopping: bool) -> None:
        started = self.running.pop()
        verdict = judge(outcome, started.tries, RULES, stopping=stopping)
        due = self.clock + verdict.wait if verdict.status is TaskStatus.PENDING else 0.0
        self.store.finish_attempt(started, outcome, verdict.status, retry_at=due, counts=verdict.counts)
        expected = self.expected[started.task.key]
        expected.status, expected.due, expected.reason = verdict.status, due, outcome.reason
        expected.tries -= not verdict.counts

    @rule(selector=st.sampled_from(("failure", "warning", "success", "unreachable")))
    def requeue(self, selector: str) -> None:
        chosen = [e for e in self.expected.values() if e.planned and self._ended_as(e, selector)]
        assert self.store.requeue([selector]) == len(chosen)
        for expected in chosen:
            expected.status, expected.tries, expected.due = TaskStatus.PENDING, 0, 0.0

    @rule(seconds=st.sampled_from((1.0, 20.0)))
    def time_passes(self, seconds: float) -> None:
        self.clock += seconds

    @rule()
    def killed_between_steps(self) -> None:
        self.resources.close()
        self.open()
        self._recovered()

    @rule(after=st.integers(0, 5), step=st.sampled_from(("start", "finish", "plan", "requeue")))
    def killed_within_a_step(self, after: int, step: str) -> None:
        steps: dict[str, Callable[[], object]] = {
            "start": lambda: self.store.start_attempt(self.clock),
            "finish": lambda: self.store.finish_attempt(self.running[0], DONE, DONE.status),
            "plan": lambda: self.store.add_tasks([task(key) for key in KEYS]),
            "requeue": lambda: self.store.requeue(["success"]),
        }
        snapshot = Snapshot(self.folder, JobFolder(self.root / str(self.generation + 1)), after)
        db: sqlite3.Connection = self.store._db  # pyright: ignore[reportPrivateUsage]  to see its statements
        db.set_trace_callback(snapshot)
        steps[step if self.running else "start"]()
        db.set_trace_callback(None)
        self.resources.close()
        self.generation += 1
        self.open()
        self._recovered()

    def _recovered(self) -> None:
        self.running.clear()
        for expected in self.expected.values():
            if expected.status is TaskStatus.RUNNING:
                expected.status = TaskStatus.PENDING
            if expected.status is TaskStatus.PENDING and expected.planned:
                expected.tries, expected.due = 0, 0.0

    @staticmethod
    def _ended_as(expected: Expected, selector: str) -> bool:
        if expected.status in {TaskStatus.PENDING, TaskStatus.RUNNING}:
            return False
        reasons = {TaskStatus.FAILURE: expected.reason, TaskStatus.WARNING: expected.reason}
        return selector in {expected.status, reasons.get(expected.status)}

    @invariant()
    def every_task_is_where_it_must_be(self) -> None:
        with closing(sqlite3.connect(self.folder.database)) as db:
            rows = db.execute("select key, status, attempts, tries, retry_at, planned from task").fetchall()
            open_attempts = db.execute("select count(*) from attempt where ended is null").fetchone()
        assert {key: tuple(row) for key, *row in rows} == {
            key: (one.status, one.attempts, one.tries, one.due, one.planned)
            for key, one in self.expected.items()
        }
        assert open_attempts == (len(self.running),)
        stored = [one for one in self.expected.values() if one.planned]
        counts = self.store.counts()
        assert sum(counts.values()) == len(stored)


TestTasks = Tasks.TestCase
TestTasks.settings = settings(max_examples=25, stateful_step_count=30)

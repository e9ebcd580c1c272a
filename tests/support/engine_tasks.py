"""Work for worker slots in tests: small functions that a spawned process can import."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from adit_cli.engine.worker import Report, RunOne
from adit_cli.tasks.task import Outcome, TaskStatus, TransferTask


def task(key: str) -> TransferTask:
    return TransferTask(key=key, study_uid=f"1.2.3.{key}", source="pacs", destinations=("out",))


def succeed(_task: TransferTask, _report: Report) -> Outcome:
    return Outcome(TaskStatus.SUCCESS, expected=1, received=1, delivered=1)


@dataclass(frozen=True, slots=True)
class Doing:
    """The setup of a worker that does this with every task."""

    run_one: RunOne

    @contextmanager
    def __call__(self) -> Generator[RunOne]:
        yield self.run_one

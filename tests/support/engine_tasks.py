"""Tasks for the engine's tests: what a worker does with them is chosen by the test, in a spawned process."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from adit_cli.engine.worker import Report, RunOne
from adit_cli.errors import DiskFullError, Reason, TransientNodeError
from adit_cli.tasks.task import Outcome, Progress, TaskStatus, TransferTask

Deed: TypeAlias = Callable[[Path, TransferTask, Report], Outcome]
DONE = Outcome(TaskStatus.SUCCESS, expected=1, received=1, delivered=1, size=10)
UNREACHABLE = Outcome(TaskStatus.FAILURE, Reason.UNREACHABLE, "pacs did not answer", transient=True)
NOT_FOUND = Outcome(TaskStatus.FAILURE, Reason.NOT_FOUND, "pacs does not know the study")


def task(
    key: str, study_uid: str = "", *, pseudonym: str | None = None, rows: tuple[int, ...] = ()
) -> TransferTask:
    return TransferTask(
        key, study_uid or f"1.2.3.{key}", "pacs", ("out",), patient_id="PAT1", pseudonym=pseudonym, rows=rows
    )


@dataclass(frozen=True, slots=True)
class Doing:
    """The setup of a worker that does one deed with every task; `place` is where deeds leave traces."""

    deed: Deed
    place: Path

    @contextmanager
    def __call__(self) -> Generator[RunOne]:
        (self.place / "opened").open("a").write(f"{os.getpid()}\n")

        def run_one(task: TransferTask, report: Report) -> Outcome:
            with (self.place / f"{task.key}.tries").open("a") as tries:
                tries.write("x")
            return self.deed(self.place, task, report)

        yield run_one
        (self.place / "closed").open("a").write(f"{os.getpid()}\n")


def tries(place: Path, key: str) -> int:
    """Return how often a worker began with a task."""
    trace = place / f"{key}.tries"
    return trace.stat().st_size if trace.exists() else 0


def succeed(_place: Path, _task: TransferTask, _report: Report) -> Outcome:
    return DONE


def leave_spool(place: Path, task: TransferTask, _report: Report) -> Outcome:
    (place / "spool" / task.key / "in").mkdir(parents=True, exist_ok=True)
    (place / "spool" / task.key / "in" / "1.dcm").write_bytes(b"DICM")
    return DONE if tries(place, task.key) > 1 else UNREACHABLE


def fail_once(place: Path, task: TransferTask, _report: Report) -> Outcome:
    if tries(place, task.key) == 1:
        raise TransientNodeError("pacs did not answer", hint="look whether it runs")
    return DONE


def never_answer(_place: Path, _task: TransferTask, _report: Report) -> Outcome:
    return UNREACHABLE


def break_down(_place: Path, _task: TransferTask, _report: Report) -> Outcome:
    name = "DOE^JANE"
    raise ValueError(f"no such thing: {name}")


def run_out_of_space(_place: Path, _task: TransferTask, _report: Report) -> Outcome:
    raise DiskFullError("no room left in out")


def be_killed(_place: Path, task: TransferTask, _report: Report) -> Outcome:
    if task.key == "victim":
        os.kill(os.getpid(), signal.SIGKILL)
    return DONE


def be_killed_once(place: Path, task: TransferTask, report: Report) -> Outcome:
    return be_killed(place, task, report) if tries(place, task.key) == 1 else DONE


def leave(_place: Path, _task: TransferTask, _report: Report) -> Outcome:
    os._exit(9)


def work_until_stopped(_place: Path, task: TransferTask, report: Report) -> Outcome:
    while True:
        report(Progress(task.key, "retrieve", expected=2, received=1))
        select.select([], [], [], 0.005)


def stop_if_slow(place: Path, task: TransferTask, report: Report) -> Outcome:
    return work_until_stopped(place, task, report) if task.key == "slow" else DONE


def hang(_place: Path, task: TransferTask, report: Report) -> Outcome:
    report(Progress(task.key, "retrieve"))
    while True:
        signal.pause()


def work_until_enough(place: Path, task: TransferTask, report: Report) -> Outcome:
    """Work until stopped, and another task than the slow one until the test says that it is enough."""
    while task.key == "slow" or not (place / "enough").exists():
        report(Progress(task.key, "retrieve", expected=2, received=1))
        select.select([], [], [], 0.005)
    return DONE

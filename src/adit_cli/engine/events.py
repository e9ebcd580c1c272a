"""What happens in a run, as one stream of values for the bar, the log and JSON lines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from adit_cli.engine.hold import Hold
from adit_cli.tasks.task import Outcome, Progress, TaskStatus


@dataclass(frozen=True, slots=True)
class Resolving:
    """The plan is being made: so many of the wanted studies, rows or queries are looked up."""

    done: int
    total: int | None = None


@dataclass(frozen=True, slots=True)
class RunStarted:
    """Tasks are known and workers start."""

    job: str
    total: int
    pending: int
    workers: int
    instances: int | None = None
    """Instances of the pending tasks; None where a source did not say."""
    new: int = 0
    """Tasks that no earlier run of the job had."""
    again: int = 0
    """Those of the new ones whose study an earlier run had, under rules that have changed since."""
    dropped: int = 0
    """Tasks of earlier runs that the job does not ask for any more."""
    growing: bool = False
    """Whether more is still looked up while what is known moves."""


@dataclass(frozen=True, slots=True)
class RunGrew:
    """More tasks are known, or, where `growing` ends, all of them are."""

    part: str
    total: int
    pending: int
    new: int = 0
    instances: int | None = None
    """Instances of the tasks that are in line; None where a source did not say."""
    growing: bool = True


@dataclass(frozen=True, slots=True)
class TaskStarted:
    """A worker took a task."""

    task_key: str
    study_uid: str
    worker: int
    attempt: int


@dataclass(frozen=True, slots=True)
class TaskProgress:
    """A worker is further with its task."""

    worker: int
    progress: Progress


@dataclass(frozen=True, slots=True)
class TaskEnded:
    """An attempt ended; `status` is pending where another one follows."""

    task_key: str
    study_uid: str
    worker: int
    attempt: int
    status: TaskStatus
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class RunWaits:
    """Studies are in line that a limit of a node holds back; others, if there are any, go on."""

    hold: Hold
    since: float
    pending: int
    """Tasks in line."""


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The run is over, or stopped and resumable. What was moved is told of this run only."""

    job: str
    counts: dict[TaskStatus, int] = field(default_factory=dict[TaskStatus, int])
    """Where all tasks of the job stand, those of earlier runs included."""
    unresolved: int = 0
    delivered: int = 0
    withheld: int = 0
    missing: int = 0
    size: int = 0
    seconds: float = 0.0
    waited: float = 0.0
    """How many of the seconds nothing moved because limits of nodes held all of it back."""
    exit_code: int = 0
    unfinished: bool = False
    """Whether the run ended before everything was looked up."""
    held: Hold | None = None
    """What it stopped for, where that is a closed window."""


Event: TypeAlias = (
    Resolving | RunStarted | RunGrew | RunWaits | TaskStarted | TaskProgress | TaskEnded | RunEnded
)
OnEvent: TypeAlias = Callable[[Event], None]

"""What a run looks like at one moment, gathered from its events. Knows no terminal."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import assert_never

from adit_cli.cli.wording import duration, size
from adit_cli.counting import count
from adit_cli.engine.events import (
    Event,
    Resolving,
    RunEnded,
    RunGrew,
    RunStarted,
    RunWaits,
    TaskEnded,
    TaskProgress,
    TaskStarted,
)
from adit_cli.tasks.task import Progress, TaskStatus

RATE_WINDOW = 20.0
"""Seconds that the shown rate looks back: long enough not to jump, short enough to follow the network."""


@dataclass(slots=True)
class Running:
    """What one worker is at."""

    study_uid: str
    attempt: int
    since: float
    progress: Progress | None = None


@dataclass(slots=True)
class Board:
    """The run's numbers so far."""

    clock: Callable[[], float] = time.monotonic
    job: str = ""
    pending: int = 0
    """Tasks that this run has to do."""
    already_done: int = 0
    instances: int | None = None
    ended: dict[TaskStatus, int] = field(default_factory=dict[TaskStatus, int])
    workers: dict[int, Running] = field(default_factory=dict[int, Running])
    delivered: int = 0
    octets: int = 0
    started: float = 0.0
    waits: RunWaits | None = None
    """What studies in line wait for, where nothing else goes on."""
    samples: deque[tuple[float, int]] = field(default_factory=deque[tuple[float, int]])

    def take(self, event: Event) -> None:
        """Account for one event."""
        match event:
            case RunStarted():
                self.job, self.pending, self.instances = event.job, event.pending, event.instances
                self.already_done = event.total - event.pending
                self.started = self.clock()
            case RunGrew():
                self.pending, self.instances = event.pending + self.done, None
            case TaskStarted():
                self.workers[event.worker] = Running(event.study_uid, event.attempt, self.clock())
            case TaskProgress():
                if event.worker in self.workers:
                    self.workers[event.worker].progress = event.progress
            case TaskEnded():
                self._end(event)
            case Resolving() | RunWaits() | RunEnded():
                pass
            case _:
                assert_never(event)
        self._note_wait(event)
        self._sample()

    def _note_wait(self, event: Event) -> None:
        if isinstance(event, RunWaits):
            self.waits = event
        elif isinstance(event, TaskStarted):
            self.waits = None

    def _end(self, event: TaskEnded) -> None:
        self.workers.pop(event.worker, None)
        if event.status is TaskStatus.PENDING:
            return
        self.ended[event.status] = self.ended.get(event.status, 0) + 1
        self.delivered += event.outcome.delivered
        self.octets += event.outcome.size

    def _sample(self) -> None:
        now = self.clock()
        self.samples.append((now, self.octets_so_far))
        while self.samples[0][0] < now - RATE_WINDOW:
            self.samples.popleft()

    @property
    def done(self) -> int:
        """Tasks that ended in this run."""
        return sum(self.ended.values())

    @property
    def octets_so_far(self) -> int:
        """Octets of ended and running tasks; another thread draws while events arrive, hence the copies."""
        return self.octets + sum(w.progress.size for w in list(self.workers.values()) if w.progress)

    @property
    def delivered_so_far(self) -> int:
        """Instances of ended and running tasks."""
        return self.delivered + sum(w.progress.delivered for w in list(self.workers.values()) if w.progress)

    @property
    def rate(self) -> float:
        """Octets a second, of late."""
        (then, before), now = self.samples[0], self.clock()
        return max(self.octets_so_far - before, 0) / (now - then) if now > then else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Estimate from what is done so far: by instances where their number is known, else by studies."""
        share = self._share()
        return (self.clock() - self.started) * (1 - share) / share if share > 0 else None

    def _share(self) -> float:
        if self.instances:
            return min(self.delivered_so_far / self.instances, 1.0)
        return self.done / self.pending if self.pending else 1.0

    def summary(self) -> str:
        """Return the numbers in one line."""
        parts = [
            f"{self.done}/{count(self.pending, 'study')}",
            count(self.delivered_so_far, "instance"),
            size(self.octets_so_far),
            f"{size(self.rate)}/s",
        ]
        if self.waits is None and (left := self.seconds_left) is not None and self.done < self.pending:
            parts.append(f"{duration(left)} left")
        return " · ".join(parts)


def doing(running: Running) -> str:
    """Return what a worker does now, in words."""
    again = f", attempt {running.attempt}" if running.attempt > 1 else ""
    if (progress := running.progress) is None:
        return f"asking{again}"
    of = f"/{progress.expected}" if progress.expected else ""
    return (
        f"{progress.phase} {progress.received}{of} in, {progress.delivered} out, {size(progress.size)}{again}"
    )

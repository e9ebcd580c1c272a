"""A run whose plan comes in parts: each part's tasks are put in line as soon as it is there."""

from __future__ import annotations

import logging

from adit_cli.engine.events import OnEvent, Resolving, RunGrew
from adit_cli.engine.feed import Feed
from adit_cli.engine.state import StateStore
from adit_cli.tasks.planned import Plan
from adit_cli.tasks.task import TaskStatus

logger = logging.getLogger(__name__)


class Growing:
    """Brings the parts of a plan into a job's state; the supply of the run's executor."""

    def __init__(self, feed: Feed, store: StateStore, on_event: OnEvent, *, skips: bool) -> None:
        self._feed = feed
        self._store = store
        self._on_event = on_event
        self._skips = skips
        self._keys: set[str] = set()
        self.is_complete = False

    def fileno(self) -> int:
        """Return what becomes readable when something came."""
        return self._feed.fileno()

    def ask(self) -> None:
        """Tell that nothing is in line."""
        self._feed.ask()

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self._feed.is_over

    def bring_in(self) -> None:
        """Put the tasks that came in line."""
        if self._feed.is_over:
            return
        for item in self._feed.take():
            if isinstance(item, Resolving):
                self._on_event(item)
            else:
                self._add(item)
        if self._feed.is_over and self._feed.error is None and not self._feed.stopping.is_set():
            self._finish()

    def _add(self, plan: Plan) -> None:
        warn_of(plan)
        self._keys.update(task.key for task in plan.tasks)
        merged = self._store.add_part(plan.part, plan.tasks, plan.unresolved)
        self._tell(plan.part, merged.new)

    def _finish(self) -> None:
        """Close the plan; where parts were skipped, nobody knows what is not asked for any more."""
        self._store.finish_plan(None if self._skips else self._keys)
        self.is_complete = True
        self._tell("", 0)

    def _tell(self, part: str, new: int) -> None:
        counts = self._store.counts()
        pending = counts.get(TaskStatus.PENDING, 0) + counts.get(TaskStatus.RUNNING, 0)
        instances = self._store.instances_in_line()
        total = sum(counts.values())
        self._on_event(RunGrew(part, total, pending, new, instances, growing=not self.is_complete))


def warn_of(plan: Plan) -> None:
    """Log what a person should know of a plan that runs at once."""
    for note in plan.notes:
        logger.warning("%s", note)

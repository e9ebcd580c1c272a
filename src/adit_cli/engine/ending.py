"""How a run ended: what it moved, and the exit code that says it to a script."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adit_cli.engine.events import Event, RunWaits, TaskEnded, TaskStarted
from adit_cli.engine.report import Tally
from adit_cli.engine.stop import Cause
from adit_cli.errors import NodeError, Reason
from adit_cli.tasks.task import TaskStatus

ALL_DONE = 0
SOME_FAILED = 3
OPEN_ENDED = (TaskStatus.PENDING, TaskStatus.RUNNING)
NODE_REASONS = (Reason.UNREACHABLE, Reason.REFUSED)


@dataclass(slots=True)
class Moved:
    """What the tasks that this run ended have moved, and how long none could."""

    delivered: int = 0
    withheld: int = 0
    missing: int = 0
    size: int = 0
    clock: Callable[[], float] = time.monotonic
    _at_work: int = 0
    _waited: float = 0.0
    _since: float | None = None

    def note(self, event: Event) -> None:
        """Take what happens in a run."""
        match event:
            case TaskStarted():
                self._waited, self._since = self.waited, None
                self._at_work += 1
            case TaskEnded():
                self._at_work -= 1
                self._add(event)
            case RunWaits() if not self._at_work and self._since is None:
                self._since = self.clock()
            case _:
                pass

    @property
    def waited(self) -> float:
        """Seconds in which nothing moved because limits of nodes held all of it back."""
        return self._waited + (0.0 if self._since is None else self.clock() - self._since)

    def _add(self, event: TaskEnded) -> None:
        """Count a task that ended; one that is tried again is counted then."""
        if event.status is TaskStatus.PENDING:
            return
        self.delivered += event.outcome.delivered
        self.withheld += event.outcome.withheld
        self.missing += len(event.outcome.missing)
        self.size += event.outcome.size


def exit_code(
    tallies: Sequence[Tally], unresolved: int, cause: Cause | None, *, unfinished: bool = False
) -> int:
    """Return the exit code of a run that leaves the job's tasks like this.

    A stop only counts where it left something to do or to look up. Where no task got anywhere because a node
    cannot be reached or refuses, that is the node's exit code: there is nothing to look at in the tasks.
    """
    if cause is not None and (unfinished or any(tally.status in OPEN_ENDED for tally in tallies)):
        return cause.exit_code
    wrong = [tally for tally in tallies if tally.status is not TaskStatus.SUCCESS]
    if wrong and len(wrong) == len(tallies) and all(map(_is_the_node, wrong)):
        return NodeError.exit_code
    return SOME_FAILED if wrong or unresolved else ALL_DONE


def _is_the_node(tally: Tally) -> bool:
    return tally.status is TaskStatus.FAILURE and tally.reason in NODE_REASONS

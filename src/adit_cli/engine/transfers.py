"""What runs are made of for real: plans come from the source, and tasks are transfers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from adit_cli.engine.delivered import delivered_by
from adit_cli.engine.desks import SIDE_BY_SIDE, OpenDesk, open_desk
from adit_cli.engine.folders import StateFolder, state_of
from adit_cli.engine.seats import Seating, ServerSeats
from adit_cli.engine.shares import limited
from adit_cli.engine.worker import Report, RunOne, Setup
from adit_cli.jobfile.node import NodeSpec
from adit_cli.nodes import NodePool
from adit_cli.tasks.direct import send_directly
from adit_cli.tasks.plan import Planning, plan_parts
from adit_cli.tasks.planned import Plan
from adit_cli.tasks.scope import Scope, scope_of
from adit_cli.tasks.task import Outcome, TransferTask
from adit_cli.tasks.transfer import transfer
from adit_cli.tasks.work import Work

MOST_AT_ONCE = 200
"""Studies that are put in line at once where planning and transferring take turns."""


def nothing_asked(_work: Work) -> Scope:
    """Return the scope of a job whose tasks come from elsewhere than its sources."""
    return Scope(())


@dataclass(frozen=True, slots=True)
class Order:
    """A plan that is wanted."""

    work: Work
    planning: Planning
    scope: Scope
    state: StateFolder
    stopping: threading.Event = field(default_factory=threading.Event)
    """Set when nothing of it is wanted any more."""
    cached: bool = True
    """Whether what was asked within the last hour may be taken as answered then."""
    until_wanted: Callable[[], None] | None = None
    """With tasks that run meanwhile: what to wait for where planning and they cannot go on side by side."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a run is made of besides its state: how tasks are found, and how workers do one."""

    plan: Callable[[Order], Iterator[Plan]]
    seating: Callable[[Work, int, Path], Seating]
    """For so many workers at most, with the slots of the machine in this folder."""
    scope: Callable[[Work], Scope] = nothing_asked
    """What a job asks, in the batches that can be run by themselves."""
    clock: Callable[[], float] = time.time
    """What the windows of nodes are compared with."""


@dataclass(frozen=True, slots=True)
class Transfers:
    """The setup of a worker: nodes are opened once and stay open from task to task."""

    work: Work
    nodes: Mapping[str, NodeSpec]

    @contextmanager
    def __call__(self) -> Generator[RunOne]:
        """Yield the function that runs one task."""

        def run_one(task: TransferTask, report: Report) -> Outcome:
            carry_out = send_directly if self.work.job.direct else transfer
            return carry_out(task, self.work, pool, report)

        job = self.work.job
        receiver, index = self.work.receiver, self.work.index
        with closing(NodePool(self.nodes, job.calling_ae_title, receiver, index=index)) as pool:
            yield run_one


def seats_for_transfers(work: Work, workers: int, slots: Path) -> Seating:
    """Return the seats of workers that transfer, within the limits of the job's servers."""

    def setup(granted: dict[str, int]) -> Setup:
        return Transfers(work, limited(work.job, granted))

    return ServerSeats(work.job, workers, slots, setup)


def plan_transfers(order: Order) -> Iterator[Plan]:
    """Ask the job's sources what there is to move."""
    job, most = order.work.job, SIDE_BY_SIDE if order.until_wanted is None else 1
    memory = order.state.lookups if order.cached else None
    with open_desk(
        job, order.state.slots, most, order.stopping, memory=memory, index=order.work.index
    ) as opened:
        planning = order.planning
        if order.until_wanted is not None and opened.needs_all:
            planning = replace(planning, before_each=_StepAside(opened, order.until_wanted))
        yield from plan_parts(job, opened.desk, planning, order.scope)


class _StepAside:
    """Leaves the only association to those who transfer, until they have nothing more to do.

    At the first study, so that it moves at once, then ever less often: to change costs both a start.
    """

    def __init__(self, opened: OpenDesk, until_wanted: Callable[[], None]) -> None:
        self._opened = opened
        self._until_wanted = until_wanted
        self._next = 1

    def __call__(self, studies: int) -> None:
        """Step aside if so many studies are reason to."""
        if studies < self._next:
            return
        self._next = studies + min(studies, MOST_AT_ONCE)
        self._opened.rest()
        self._until_wanted()
        self._opened.resume()


def scope_of_transfers(work: Work) -> Scope:
    """Return what the job asks."""
    exclude = work.job.select.studies.exclude
    earlier = exclude.delivered_by if exclude else ()
    return scope_of(work.job, delivered=delivered_by(state_of(work.spool), earlier))


TRANSFERS = Parts(plan_transfers, seats_for_transfers, scope_of_transfers)

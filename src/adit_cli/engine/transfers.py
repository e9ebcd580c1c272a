"""What runs are made of for real: plans come from the source, and tasks are transfers."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from adit_cli.engine.seats import Seating, ServerSeats
from adit_cli.engine.shares import limited
from adit_cli.engine.worker import Report, RunOne, Setup
from adit_cli.jobfile.node import NodeSpec
from adit_cli.nodes import NodePool
from adit_cli.tasks.plan import OnProgress, plan
from adit_cli.tasks.planned import Plan
from adit_cli.tasks.pseudonyms import Patient
from adit_cli.tasks.task import Outcome, TransferTask
from adit_cli.tasks.transfer import transfer
from adit_cli.tasks.work import Work


@dataclass(frozen=True, slots=True)
class Parts:
    """What a run is made of besides its state: how tasks are found, and how workers do one."""

    plan: Callable[[Work, Mapping[Patient, str], OnProgress], Plan]
    seating: Callable[[Work, int, Path], Seating]
    """For so many workers at most, with the slots of the machine in this folder."""


@dataclass(frozen=True, slots=True)
class Transfers:
    """The setup of a worker: nodes are opened once and stay open from task to task."""

    work: Work
    nodes: Mapping[str, NodeSpec]

    @contextmanager
    def __call__(self) -> Generator[RunOne]:
        """Yield the function that runs one task."""

        def run_one(task: TransferTask, report: Report) -> Outcome:
            return transfer(task, self.work, pool, report)

        job = self.work.job
        with closing(NodePool(self.nodes, job.calling_ae_title, self.work.receiver)) as pool:
            yield run_one


def seats_for_transfers(work: Work, workers: int, slots: Path) -> Seating:
    """Return the seats of workers that transfer, within the limits of the job's servers."""

    def setup(granted: dict[str, int]) -> Setup:
        return Transfers(work, limited(work.job, granted))

    return ServerSeats(work.job, workers, slots, setup)


def plan_transfers(work: Work, already: Mapping[Patient, str], on_progress: OnProgress) -> Plan:
    """Ask the job's source what there is to move."""
    job = work.job
    with closing(NodePool(job.nodes, job.calling_ae_title)) as pool:
        source = pool.source(job.source[0])
        return plan(job, source, work.key, already=already, on_progress=on_progress)


TRANSFERS = Parts(plan_transfers, seats_for_transfers)

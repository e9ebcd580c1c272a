"""Jobs of made-up tasks, for tests of whole runs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from adit_cli.engine.seats import Seating, unlimited
from adit_cli.engine.transfers import Order, Parts
from adit_cli.jobfile.job import Job
from adit_cli.jobfile.load import load_job
from adit_cli.tasks.planned import Plan, PlannedStudy
from adit_cli.tasks.task import Unresolved
from adit_cli.tasks.work import Work
from tests.support.engine_tasks import Deed, Doing, task

JOB = """\
adit: 1
name: made-up
source: {folder: in}
destinations: [{folder: out}]
run: {workers: 2, attempts: 2, retry_after: 0s}
"""


def made_up_job(folder: Path) -> Job:
    """Return a job whose nodes exist, and are never looked at."""
    (folder / "in").mkdir(exist_ok=True)
    (folder / "job.yaml").write_text(JOB)
    return load_job(folder / "job.yaml")


def made_up_plan(
    keys: tuple[str, ...],
    unresolved: tuple[Unresolved, ...],
    order: Order,
) -> Iterator[Plan]:
    """Return a plan of these tasks."""
    order.planning.on_progress(len(keys), len(keys))
    yield Plan(tuple(PlannedStudy(task(key)) for key in keys), unresolved)


def doing(deed: Deed, work: Work, _workers: int, _slots: Path) -> Seating:
    """Return the seats of workers that leave their traces beside the spool."""
    return unlimited(Doing(deed, work.spool.parent))


def parts(deed: Deed, *keys: str, unresolved: tuple[Unresolved, ...] = ()) -> Parts:
    """Return a run of these tasks, all with the same deed."""
    return Parts(partial(made_up_plan, keys, unresolved), partial(doing, deed))

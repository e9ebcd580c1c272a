"""What a run of a job would do now. Nothing of the job changes: no key, no state, no lock."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace

from adit_cli.engine.estimate import Estimate, estimate, learn
from adit_cli.engine.fixed import Changes, FixedPlan, Pinned, pinned, read_plan, write_plan
from adit_cli.engine.folders import JobFolder, StateFolder, make_private
from adit_cli.engine.keys import project_key
from adit_cli.engine.report import open_reader
from adit_cli.engine.schedule import schedule
from adit_cli.engine.schema import opened
from adit_cli.engine.state import StateStore
from adit_cli.engine.transfers import TRANSFERS, Order, Parts
from adit_cli.jobfile.job import Job
from adit_cli.tasks.plan import OnProgress, Planning
from adit_cli.tasks.planned import Plan, PlannedStudy, joined
from adit_cli.tasks.task import TaskStatus
from adit_cli.tasks.work import Work

IN_LINE = (None, TaskStatus.PENDING, TaskStatus.RUNNING)
KEY_BYTES = 32
NOTHING = Estimate(0, None, 0)


@dataclass(frozen=True, slots=True)
class Preview:
    """A plan, and where those of its tasks stand that earlier runs knew."""

    plan: Plan
    statuses: dict[str, TaskStatus] = field(default_factory=dict[str, TaskStatus])
    changes: Changes | None = None
    """How it differs from the last plan that was looked at; None where there was none."""
    estimate: Estimate = NOTHING
    is_keyed: bool = True
    """Whether a run would give the same keys and pseudonyms."""

    def pinned(self) -> dict[str, Pinned]:
        """Return what is kept of the plan."""
        return pinned(self.plan.studies, keyed=self.is_keyed)

    def status(self, study: PlannedStudy) -> TaskStatus | None:
        """Return where a study's task stands; None where it is new."""
        return self.statuses.get(study.task.key)

    def would_move(self, study: PlannedStudy) -> bool:
        """Return whether a run would take this study up."""
        return self.status(study) in IN_LINE


def preview(
    job: Job,
    state: StateFolder,
    on_progress: OnProgress,
    parts: Parts = TRANSFERS,
    *,
    workers: int = 1,
    cached: bool = True,
) -> Preview:
    """Plan the job as a run would, look up what is done, and compare with the last plan that was kept."""
    made = _previewed(job, state, on_progress, parts, cached=cached)
    last = state.job(job.name).last_plan
    before = read_plan(last) if last.exists() else None
    changes = Changes.between(before.studies, made.pinned()) if before else None
    moving = [study for study in made.plan.studies if made.would_move(study)]
    expected = estimate(job, moving, learn(state), workers)
    limited = schedule(job, moving, expected.seconds, parts.clock())
    return replace(made, changes=changes, estimate=replace(expected, schedule=limited))


def keep(job: Job, state: StateFolder, made: Preview) -> None:
    """Keep UIDs and numbers of a plan, for the next one to be compared with."""
    last = state.create().job(job.name).last_plan
    make_private(last.parent)
    write_plan(last, FixedPlan(job.path, made.pinned()))


def _previewed(
    job: Job, state: StateFolder, on_progress: OnProgress, parts: Parts, *, cached: bool
) -> Preview:
    folder = state.job(job.name)
    work = Work(job, _key(job, folder), folder.spool)
    scope, planning = parts.scope(work).as_one(), Planning(work.key, on_progress=on_progress)
    if not folder.database.exists():
        drawn = job.pseudonyms is not None and job.pseudonyms.source == "random"
        keyed = not drawn and not _key_is_missing(job, folder)
        return Preview(joined(parts.plan(Order(work, planning, scope, state, cached=cached))), is_keyed=keyed)
    with opened(folder.database) as db:
        planning = replace(planning, already=StateStore(db, folder).pseudonyms())
    plan = joined(parts.plan(Order(work, planning, scope, state, cached=cached)))
    with open_reader(folder) as reader:
        return Preview(plan, reader.statuses(task.key for task in plan.tasks))


def _key(job: Job, folder: JobFolder) -> bytes:
    """Return the job's key; before its first run one that is good enough to count with."""
    if _key_is_missing(job, folder):
        return secrets.token_bytes(KEY_BYTES)
    return project_key(job.key.get_secret_value() if job.key else None, job.key_file, folder.key)


def _key_is_missing(job: Job, folder: JobFolder) -> bool:
    return job.key is None and job.key_file is None and not folder.key.exists()

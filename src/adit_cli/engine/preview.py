"""What a run of a job would do now. Changes nothing: no key, no state, no lock."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace

from adit_cli.engine.folders import JobFolder, StateFolder
from adit_cli.engine.keys import project_key
from adit_cli.engine.report import open_reader
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


@dataclass(frozen=True, slots=True)
class Preview:
    """A plan, and where those of its tasks stand that earlier runs knew."""

    plan: Plan
    statuses: dict[str, TaskStatus] = field(default_factory=dict[str, TaskStatus])

    def status(self, study: PlannedStudy) -> TaskStatus | None:
        """Return where a study's task stands; None where it is new."""
        return self.statuses.get(study.task.key)

    def would_move(self, study: PlannedStudy) -> bool:
        """Return whether a run would take this study up."""
        return self.status(study) in IN_LINE


def preview(job: Job, state: StateFolder, on_progress: OnProgress, parts: Parts = TRANSFERS) -> Preview:
    """Plan the job as a run would, and look up what is done."""
    folder = state.job(job.name)
    work = Work(job, _key(job, folder), folder.spool)
    scope, planning = parts.scope(work).as_one(), Planning(work.key, on_progress=on_progress)
    if not folder.database.exists():
        return Preview(joined(parts.plan(Order(work, planning, scope, state))))
    with opened(folder.database) as db:
        planning = replace(planning, already=StateStore(db, folder).pseudonyms())
    plan = joined(parts.plan(Order(work, planning, scope, state)))
    with open_reader(folder) as reader:
        return Preview(plan, reader.statuses(task.key for task in plan.tasks))


def _key(job: Job, folder: JobFolder) -> bytes:
    """Return the job's key; before its first run one that is good enough to count with."""
    if job.key is None and job.key_file is None and not folder.key.exists():
        return secrets.token_bytes(KEY_BYTES)
    return project_key(job.key.get_secret_value() if job.key else None, job.key_file, folder.key)

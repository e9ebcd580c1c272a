"""Run a job: lock, plan, lay the plan over what is done, work, sum up. The same again is how it resumes."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from adit_cli.engine.ending import Moved, exit_code
from adit_cli.engine.events import (
    Event,
    OnEvent,
    Resolving,
    RunEnded,
    RunStarted,
    RunWaits,
    TaskStarted,
)
from adit_cli.engine.evidence import check_evidence_folder, write_evidence_of
from adit_cli.engine.executor import clear_spool, run_tasks
from adit_cli.engine.feed import Feed
from adit_cli.engine.folders import StateFolder
from adit_cli.engine.gate import gate_of, open_gate
from adit_cli.engine.growing import Growing, warn_of
from adit_cli.engine.intake import Intake, Supply
from adit_cli.engine.keys import project_key
from adit_cli.engine.lock import exclusive
from adit_cli.engine.replan import SELECTORS, Merged, check_selectors
from adit_cli.engine.report import open_reader
from adit_cli.engine.seats import Seating
from adit_cli.engine.shares import workers_of
from adit_cli.engine.state import StateStore, open_state
from adit_cli.engine.stop import Cause, Stop
from adit_cli.engine.transfers import TRANSFERS, Order, Parts
from adit_cli.engine.verdict import Rules
from adit_cli.errors import AditError
from adit_cli.jobfile.job import Job
from adit_cli.nodes import require_programs
from adit_cli.nodes.index import fresh_index
from adit_cli.tasks.identity import TaskKeys
from adit_cli.tasks.plan import Planning
from adit_cli.tasks.planned import Plan, joined
from adit_cli.tasks.scope import Scope
from adit_cli.tasks.task import TaskStatus
from adit_cli.tasks.work import Work

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the user wants of this run beyond what the job file says."""

    state: StateFolder
    workers: int | None = None
    retry: tuple[str, ...] = ()
    """Statuses and reasons of ended tasks to try again."""
    again: bool = False
    """Whether to do everything once more, what succeeded included."""
    cached: bool = True
    """Whether what sources answered within the last hour need not be asked again."""
    stop_after: float | None = None
    """Seconds after which nothing new starts; None is what the job says."""
    wait: bool | None = None
    """Whether to wait for windows of nodes that are closed; None is what the job says."""


def run_job(job: Job, options: RunOptions, on_event: OnEvent, parts: Parts = TRANSFERS) -> RunEnded:
    """Run what of a job is not done yet; StateError where another run of it lives.

    Errors that concern the whole job, such as a source that cannot be reached, are raised; those of single
    tasks are their outcomes.
    """
    check_selectors(options.retry)
    folder = options.state.create().job(job.name).create()
    stop_after = job.run.stop_after if options.stop_after is None else options.stop_after
    with exclusive(folder, job.name), open_state(folder) as store, Stop(stop_after) as stop:
        run = _Run(job, options, store, stop, on_event)
        try:
            ended = run.go(parts)
        except AditError as error:
            store.end_run(run.number, error.exit_code)
            raise
        store.end_run(run.number, ended.exit_code)
    on_event(ended)
    return ended


class _Run:
    """One run of a job, while it goes on."""

    def __init__(
        self, job: Job, options: RunOptions, store: StateStore, stop: Stop, on_event: OnEvent
    ) -> None:
        self.number = store.begin_run(job.name)
        self._job = job
        self._options = options
        self._store = store
        self._stop = stop
        self._on_event = on_event
        self._started = time.monotonic()
        self._moved = Moved()
        self._rules = Rules(_workers(job, options), job.run.attempts, job.run.retry_after)
        self._gate = open_gate()
        self._waits = False

    def go(self, parts: Parts) -> RunEnded:
        """Plan and work; return how it ended. However that is, what was replaced has been written."""
        wait = self._job.run.outside_window == "wait" if self._options.wait is None else self._options.wait
        self._gate = gate_of(self._job, self._options.state.slots, parts.clock, waits=wait)
        require_programs(self._job.node(name) for name in self._job.destinations)
        work = Work(self._job, self._key(), self._store.folder.spool, self._options.state.inbox)
        if self._job.deid.evidence:
            check_evidence_folder(self._job.deid.evidence)
        try:
            with fresh_index(work.index):
                return self._go(parts, work)
        finally:
            write_evidence_of(work)

    def _go(self, parts: Parts, work: Work) -> RunEnded:
        scope = parts.scope(work)
        self._store.keep_inputs(self._job)
        digest = TaskKeys(self._job, work.key).digest_of(scope)
        if self._may_grow(scope, digest):
            return self._grow(parts, work, scope, digest)
        try:
            with self._stop.raising():
                planning = Planning(work.key, self._store.pseudonyms(), self._resolving)
                plan = joined(parts.plan(self._order(work, planning, scope.as_one())))
        except KeyboardInterrupt:
            if self._stop.cause is None:
                raise
            return replace(self._sum_up(), exit_code=self._stop.cause.exit_code)
        warn_of(plan)
        pending = self._take_over(plan, digest)
        at_once = max(1, min(pending, self._rules.workers))
        seating = parts.seating(work, at_once, self._options.state.slots)
        self._run_tasks(seating)
        return self._sum_up()

    def _run_tasks(self, seating: Seating, supply: Supply | None = None) -> None:
        intake = Intake(self._store, self._gate, supply)
        run_tasks(self._store, seating, self._rules, self._stop, self._pass_on, intake)

    def _order(self, work: Work, planning: Planning, scope: Scope) -> Order:
        return Order(work, planning, scope, self._options.state, cached=self._options.cached)

    def _may_grow(self, scope: Scope, digest: str) -> bool:
        """Return whether tasks may run while others are looked up: no earlier plan must be at odds."""
        if scope.is_whole:
            return False
        earlier = self._store.asked()
        return earlier.digest == digest if earlier is not None else not self._store.counts()

    def _grow(self, parts: Parts, work: Work, scope: Scope, digest: str) -> RunEnded:
        """Work while the plan is made; its errors end the run when what is in line is done."""
        earlier = self._store.asked()
        skip = earlier.parts if earlier else frozenset[str]()
        self._store.begin_plan(digest, skip)
        self._announce(Merged(), growing=True)
        already = self._store.pseudonyms()

        def make(feed: Feed) -> Iterator[Plan]:
            planning = Planning(work.key, already, feed.tell, skip)
            order = self._order(work, planning, scope)
            return parts.plan(replace(order, stopping=feed.stopping, until_wanted=feed.until_wanted))

        feed = Feed(make)
        growing = Growing(feed, self._store, self._pass_on, skips=bool(skip))
        seating = parts.seating(work, self._rules.workers, self._options.state.slots)
        try:
            self._run_tasks(seating, growing)
            feed.end()
            growing.bring_in()
        finally:
            feed.close()
        if feed.error is not None:
            raise feed.error
        return self._sum_up(unfinished=not growing.is_complete)

    def _key(self) -> bytes:
        secret = self._job.key.get_secret_value() if self._job.key else None
        return project_key(secret, self._job.key_file, self._store.folder.key)

    def _resolving(self, done: int, total: int | None) -> None:
        self._on_event(Resolving(done, total))

    def _take_over(self, plan: Plan, digest: str) -> int:
        """Make the plan the job's, and tell what there is to do; return how many tasks are in line."""
        return self._announce(self._store.add_tasks(plan.tasks, plan.unresolved, digest))

    def _announce(self, merged: Merged, *, growing: bool = False) -> int:
        """Put in line what is to be tried again, and tell what there is to do."""
        if self._options.again or self._options.retry:
            self._store.requeue(SELECTORS if self._options.again else self._options.retry)
        self._sweep()
        counts = self._store.counts()
        pending = counts.get(TaskStatus.PENDING, 0)
        self._on_event(
            RunStarted(
                job=self._job.name,
                total=sum(counts.values()),
                pending=pending,
                workers=self._rules.workers,
                instances=self._store.instances_in_line(),
                new=merged.new,
                again=merged.again,
                dropped=merged.dropped,
                growing=growing,
            )
        )
        return pending

    def _sweep(self) -> None:
        """Clear the spool of what dead runs left of tasks that are done or no longer asked for."""
        for folder in self._store.folder.spool.iterdir():
            if not self._store.in_line(folder.name):
                clear_spool(self._store, folder.name)

    def _pass_on(self, event: Event) -> None:
        self._moved.note(event)
        if isinstance(event, RunWaits):
            self._waits = True
            self._store.note_wait(self.number, event.hold)
        elif isinstance(event, TaskStarted) and self._waits:
            self._waits = False
            self._store.note_wait(self.number, None)
        self._on_event(event)

    def _sum_up(self, *, unfinished: bool = False) -> RunEnded:
        with open_reader(self._store.folder) as reader:
            summary = reader.summary()
        held = self._gate.first_shut() if self._stop.cause is Cause.WINDOW else None
        self._store.note_wait(self.number, held)
        return RunEnded(
            job=self._job.name,
            counts=summary.counts,
            unresolved=summary.unresolved,
            delivered=self._moved.delivered,
            withheld=self._moved.withheld,
            missing=self._moved.missing,
            size=self._moved.size,
            seconds=time.monotonic() - self._started,
            waited=self._moved.waited,
            exit_code=exit_code(summary.tallies, summary.unresolved, self._stop.cause, unfinished=unfinished),
            unfinished=unfinished,
            held=held,
        )


def _workers(job: Job, options: RunOptions) -> int:
    """Return how many workers there are, and say where that is fewer than wanted."""
    wanted, allowed = options.workers or job.run.workers, workers_of(job, options.workers)
    if allowed < wanted:
        logger.info("%d workers instead of %d: limits.associations of a node allows no more", allowed, wanted)
    return allowed

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from threading import Event

import pytest

from adit_cli.engine.events import Event as RunEvent
from adit_cli.engine.events import RunEnded, RunGrew, RunStarted, TaskEnded
from adit_cli.engine.folders import StateFolder
from adit_cli.engine.report import open_reader, summaries
from adit_cli.engine.run import RunOptions, run_job
from adit_cli.engine.transfers import Order, Parts
from adit_cli.errors import Reason, TransientNodeError
from adit_cli.jobfile.job import Job
from adit_cli.jobfile.node import ServerNode
from adit_cli.tasks.planned import Plan, PlannedStudy
from adit_cli.tasks.scope import Batch, Scope
from adit_cli.tasks.task import TaskStatus, Unresolved
from adit_cli.tasks.work import Work
from tests.support import engine_tasks as deeds
from tests.support.engine_tasks import task, tries
from tests.support.hours import Clock
from tests.support.made_up import doing, made_up_job

LONG = 60.0


@dataclass
class InParts:
    """A job whose plan comes in parts of one task each, made when the test lets them."""

    keys: str
    before: dict[str, Callable[[Order], None]] = field(default_factory=dict[str, "Callable[[Order], None]"])
    asked: list[str] = field(default_factory=list[str])
    unresolved: dict[str, Unresolved] = field(default_factory=dict[str, Unresolved])

    def plan(self, order: Order) -> Iterator[Plan]:
        for key in self.keys:
            if key in order.planning.skip:
                continue
            self.asked.append(key)
            self.before.get(key, lambda _order: None)(order)
            left = (self.unresolved[key],) if key in self.unresolved else ()
            yield Plan((PlannedStudy(task(key)),), left, part=key)

    def scope(self, _work: Work) -> Scope:
        return Scope(tuple(Batch(key, ()) for key in self.keys))

    def parts(self) -> Parts:
        return Parts(self.plan, partial(doing, deeds.succeed), self.scope)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return made_up_job(tmp_path)


@pytest.fixture
def options(tmp_path: Path) -> RunOptions:
    return RunOptions(StateFolder(tmp_path / "state"))


def silent(_event: RunEvent) -> None:
    """Tell nobody."""


def stop(order: Order) -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    order.stopping.wait(LONG)
    order.planning.on_progress(2, 3)


def test_the_first_part_moves_before_the_second_is_looked_up(job: Job, options: RunOptions) -> None:
    moved = Event()
    events: list[RunEvent] = []

    def watch(event: RunEvent) -> None:
        events.append(event)
        if isinstance(event, TaskEnded):
            moved.set()

    def wait(_order: Order) -> None:
        assert moved.wait(LONG)

    ended = run_job(job, options, watch, InParts("ab", {"b": wait}).parts())

    assert (ended.exit_code, ended.counts, ended.unfinished) == (0, {TaskStatus.SUCCESS: 2}, False)
    assert [event.growing for event in events if isinstance(event, RunStarted | RunGrew)] == [
        True,
        True,
        True,
        False,
    ]
    assert isinstance(events[-1], RunEnded)


def test_a_run_that_is_stopped_while_it_looks_up_goes_on_with_the_next_part(
    job: Job, options: RunOptions
) -> None:
    first = InParts("abc", {"c": stop})
    ended = run_job(job, options, silent, first.parts())
    second = InParts("abc")
    again = run_job(job, options, silent, second.parts())

    assert (ended.exit_code, ended.unfinished) == (5, True)
    assert second.asked == ["c"]
    assert (again.exit_code, again.counts) == (0, {TaskStatus.SUCCESS: 3})
    assert [tries(options.state.job("made-up").path, key) for key in "abc"] == [1, 1, 1]


def test_a_plan_that_was_complete_is_looked_up_anew_by_the_next_run(job: Job, options: RunOptions) -> None:
    run_job(job, options, silent, InParts("ab").parts())
    second = InParts("ab")
    run_job(job, options, silent, second.parts())

    assert second.asked == ["a", "b"]


def test_what_is_no_longer_found_is_let_go_at_the_end(job: Job, options: RunOptions) -> None:
    run_job(job, options, silent, InParts("ab").parts())

    fewer = InParts("ab")

    def without_b(order: Order) -> Iterator[Plan]:
        return (part for part in fewer.plan(order) if part.part != "b")

    parts = replace(fewer.parts(), plan=without_b)
    ended = run_job(job, options, silent, parts)

    assert ended.counts == {TaskStatus.SUCCESS: 1}


def test_a_job_that_asks_for_something_else_is_looked_up_whole_first(job: Job, options: RunOptions) -> None:
    run_job(job, options, silent, InParts("ab").parts())
    events: list[RunEvent] = []

    run_job(job, options, events.append, InParts("bc").parts())

    (started,) = [event for event in events if isinstance(event, RunStarted)]
    assert (started.growing, started.new, started.dropped) == (False, 1, 1)


def test_a_source_that_breaks_off_leaves_what_was_found_done_and_is_told(
    job: Job, options: RunOptions
) -> None:
    def break_off(_order: Order) -> None:
        raise TransientNodeError("in did not answer")

    with pytest.raises(TransientNodeError):
        run_job(job, options, silent, InParts("abc", {"c": break_off}).parts())

    (summary,) = summaries(options.state)
    assert (summary.counts, summary.exit_code) == ({TaskStatus.SUCCESS: 2}, 6)


def test_what_a_part_could_not_resolve_stays_until_that_part_is_asked_again(
    job: Job, options: RunOptions
) -> None:
    rows = {key: Unresolved(f"row {key}", Reason.NOT_FOUND, "nothing", row=1) for key in "ab"}
    run_job(job, options, silent, InParts("abc", {"c": stop}, unresolved=rows).parts())
    ended = run_job(job, options, silent, InParts("abc").parts())
    with open_reader(options.state.job("made-up")) as reader:
        told = [one.label for one in reader.unresolved()]
    run_job(job, options, silent, InParts("abc").parts())
    with open_reader(options.state.job("made-up")) as reader:
        left = reader.unresolved()

    assert (ended.exit_code, told, left) == (3, ["row a", "row b"], [])


def until_stopped(order: Order) -> None:
    assert order.stopping.wait(LONG)
    order.planning.on_progress(1, 2)


def night(job: Job, **run: object) -> Job:
    """Return the job with a source of the tasks' name that is open at night."""
    pacs = ServerNode.model_validate({"dimse": "PACS@localhost:104", "limits": {"window": ["19:00-06:00"]}})
    changed = {
        "nodes": {**job.nodes, "pacs": pacs},
        "source": ("pacs",),
        "run": job.run.model_copy(update=run),
    }
    return job.model_copy(update=changed)


def test_outside_the_window_a_run_stops_at_the_first_study_that_is_looked_up(
    job: Job, options: RunOptions
) -> None:
    clock = Clock(datetime(2024, 1, 29, 12).timestamp())  # noqa: DTZ001 - the time of the machine
    first = InParts("ab", {"b": until_stopped})

    ended = run_job(night(job), options, silent, replace(first.parts(), clock=clock))

    assert (ended.exit_code, ended.unfinished, ended.counts) == (5, True, {TaskStatus.PENDING: 1})


def test_looking_up_goes_on_while_a_run_waits_for_a_window(job: Job, options: RunOptions) -> None:
    clock = Clock(datetime(2024, 1, 29, 12).timestamp())  # noqa: DTZ001 - the time of the machine
    looked_up = Event()

    def open_it(event: RunEvent) -> None:
        if isinstance(event, RunGrew) and not event.growing:
            clock.now += 12 * 3600
            looked_up.set()
        assert looked_up.is_set() or not isinstance(event, TaskEnded)

    waiting = night(job, outside_window="wait")
    ended = run_job(waiting, options, open_it, replace(InParts("ab").parts(), clock=clock))

    assert (ended.exit_code, ended.counts) == (0, {TaskStatus.SUCCESS: 2})

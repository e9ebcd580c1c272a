from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from adit_cli.engine.events import Event, Resolving, RunEnded, RunStarted, RunWaits, TaskEnded, TaskStarted
from adit_cli.engine.folders import JobFolder, StateFolder
from adit_cli.engine.hold import HeldBy, Hold
from adit_cli.engine.report import open_reader, summaries
from adit_cli.engine.run import RunOptions, run_job
from adit_cli.engine.transfers import Order, Parts
from adit_cli.errors import Reason, StateError, TransientNodeError, UsageError
from adit_cli.jobfile.job import Job
from adit_cli.jobfile.load import load_job
from adit_cli.jobfile.node import ServerNode
from adit_cli.tasks.planned import Plan
from adit_cli.tasks.pseudonyms import Patient
from adit_cli.tasks.task import TaskStatus, Unresolved
from tests.support import engine_tasks as deeds
from tests.support.builders import build_study
from tests.support.engine_tasks import Deed, tries
from tests.support.hours import Clock
from tests.support.made_up import made_up_job, parts


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return made_up_job(tmp_path)


@pytest.fixture
def options(tmp_path: Path) -> RunOptions:
    return RunOptions(StateFolder(tmp_path / "state"))


def folder(options: RunOptions) -> JobFolder:
    return options.state.job("made-up")


def again(options: RunOptions, *retry: str, everything: bool = False) -> RunOptions:
    return RunOptions(options.state, retry=retry, again=everything)


def silent(_event: Event) -> None:
    """Tell nobody."""


def test_a_run_tells_its_story_in_order(job: Job, options: RunOptions) -> None:
    events: list[Event] = []

    ended = run_job(job, options, events.append, parts(deeds.succeed, "a"))

    assert [type(event).__name__ for event in events] == [
        "Resolving",
        "RunStarted",
        "TaskStarted",
        "TaskEnded",
        "RunEnded",
    ]
    assert events[0] == Resolving(1, 1)
    assert isinstance(events[1], RunStarted)
    assert (events[1].total, events[1].pending, events[1].new) == (1, 1, 1)
    assert events[-1] == ended
    assert (ended.exit_code, ended.delivered, ended.size) == (0, 1, 10)


def test_the_same_run_again_moves_nothing(job: Job, options: RunOptions) -> None:
    run_job(job, options, silent, parts(deeds.succeed, "a", "b"))
    events: list[Event] = []

    ended = run_job(job, options, events.append, parts(deeds.succeed, "a", "b"))

    assert not [event for event in events if isinstance(event, TaskEnded)]
    assert (ended.exit_code, ended.delivered) == (0, 0)
    assert ended.counts == {TaskStatus.SUCCESS: 2}


def test_a_failure_stays_until_its_retry_is_asked_for(job: Job, options: RunOptions) -> None:
    assert run_job(job, options, silent, parts(deeds.break_down, "a")).exit_code == 3
    assert run_job(job, options, silent, parts(deeds.succeed, "a")).exit_code == 3
    assert tries(folder(options).path, "a") == 1

    assert run_job(job, again(options, "internal"), silent, parts(deeds.succeed, "a")).exit_code == 0


def test_everything_again_runs_what_succeeded_too(job: Job, options: RunOptions) -> None:
    run_job(job, options, silent, parts(deeds.succeed, "a"))
    run_job(job, again(options, everything=True), silent, parts(deeds.succeed, "a"))

    assert tries(folder(options).path, "a") == 2


def test_a_misspelt_retry_ends_before_anything_is_asked(job: Job, options: RunOptions) -> None:
    with pytest.raises(UsageError, match="no task ends as failures"):
        run_job(job, again(options, "failures"), silent, parts(deeds.succeed, "a"))

    assert not options.state.path.exists()


def test_nodes_that_nobody_reaches_have_an_exit_code_of_their_own(job: Job, options: RunOptions) -> None:
    assert run_job(job, options, silent, parts(deeds.never_answer, "a", "b")).exit_code == 6


def test_a_full_disk_has_an_exit_code_of_its_own_and_the_job_goes_on(job: Job, options: RunOptions) -> None:
    assert run_job(job, options, silent, parts(deeds.run_out_of_space, "a")).exit_code == 7
    assert run_job(job, options, silent, parts(deeds.succeed, "a")).exit_code == 0


def test_rows_without_a_study_are_told_and_the_exit_code_says_so(job: Job, options: RunOptions) -> None:
    row = Unresolved("cohort.csv row 2", Reason.NOT_FOUND, "the source knows no such study", row=2)

    ended = run_job(job, options, silent, parts(deeds.succeed, unresolved=(row,)))

    assert (ended.exit_code, ended.unresolved) == (3, 1)
    with open_reader(folder(options)) as reader:
        assert reader.unresolved() == [row]


def test_nothing_to_do_is_done(job: Job, options: RunOptions) -> None:
    assert run_job(job, options, silent, parts(deeds.succeed)).exit_code == 0


def test_a_run_whose_time_is_up_is_resumable(job: Job, options: RunOptions) -> None:
    short = RunOptions(options.state, stop_after=0.0)

    assert run_job(job, short, silent, parts(deeds.succeed, "a")).exit_code == 5
    assert run_job(job, options, silent, parts(deeds.succeed, "a")).exit_code == 0


def test_a_stop_that_left_nothing_to_do_is_no_stop(job: Job, options: RunOptions) -> None:
    def stop_at_the_end(event: Event) -> None:
        if isinstance(event, TaskEnded):
            os.kill(os.getpid(), signal.SIGTERM)

    assert run_job(job, options, stop_at_the_end, parts(deeds.succeed, "a")).exit_code == 0


def test_a_source_that_cannot_be_asked_ends_the_run_and_leaves_the_tasks_alone(
    job: Job, options: RunOptions
) -> None:
    run_job(job, options, silent, parts(deeds.succeed, "a"))

    def unreachable(_order: Order) -> Iterator[Plan]:
        raise TransientNodeError("in did not answer")

    with pytest.raises(TransientNodeError):
        run_job(job, options, silent, Parts(unreachable, parts(deeds.succeed).seating))

    (summary,) = summaries(options.state)
    assert summary.counts == {TaskStatus.SUCCESS: 1}
    assert (summary.job, summary.runs, summary.exit_code) == ("made-up", 2, 6)


def test_ctrl_c_while_planning_is_an_interrupted_run(job: Job, options: RunOptions) -> None:
    def interrupted(_order: Order) -> Iterator[Plan]:
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError

    events: list[Event] = []
    ended = run_job(job, options, events.append, Parts(interrupted, parts(deeds.succeed).seating))

    assert ended.exit_code == 130
    assert events == [ended]


def test_the_plan_knows_the_pseudonyms_given_before(job: Job, options: RunOptions) -> None:
    known: list[Mapping[Patient, str]] = []

    def remember(order: Order) -> Iterator[Plan]:
        known.append(order.planning.already)
        return iter([Plan()])

    run_job(job, options, silent, Parts(remember, parts(deeds.succeed).seating))

    assert known == [{}]


def test_the_spool_of_dead_runs_is_cleared_except_for_what_is_still_to_be_done(
    job: Job, options: RunOptions
) -> None:
    run_job(job, options, silent, parts(deeds.succeed, "a"))
    for key in ("a", "dropped", "b"):
        (folder(options).spool / key / "in").mkdir(parents=True)
    short = RunOptions(options.state, stop_after=0.0)

    run_job(job, short, silent, parts(deeds.succeed, "a", "b"))

    assert [left.name for left in folder(options).spool.iterdir()] == ["b"]


def test_a_job_that_runs_already_is_refused(job: Job, options: RunOptions) -> None:
    refused: list[StateError] = []

    def run_inside(event: Event) -> None:
        if isinstance(event, RunStarted):
            with pytest.raises(StateError) as caught:
                run_job(job, options, silent, parts(deeds.succeed))
            refused.append(caught.value)

    run_job(job, options, run_inside, parts(deeds.succeed))

    assert f"process {os.getpid()}" in refused[0].message


def test_a_real_job_moves_a_real_study_from_folder_to_folder(tmp_path: Path, options: RunOptions) -> None:
    build_study(tmp_path / "in")
    (tmp_path / "job.yaml").write_text(
        "{adit: 1, name: real, source: {folder: in}, destinations: [{folder: out}], pseudonyms: {from: key}}"
    )
    events: list[Event] = []

    ended = run_job(load_job(tmp_path / "job.yaml"), options, events.append)

    assert isinstance(events[-1], RunEnded)
    assert ended.exit_code == 0
    assert len(list((tmp_path / "out").rglob("*.dcm"))) == ended.delivered > 0
    assert list(options.state.job("real").spool.iterdir()) == []


def held_parts(clock: Clock, deed: Deed, *keys: str) -> Parts:
    return replace(parts(deed, *keys), clock=clock)


def held_job(job: Job, **run: object) -> Job:
    """Return the job with a source that is open at night."""
    night = ServerNode.model_validate({"dimse": "PACS@localhost:104", "limits": {"window": ["19:00-06:00"]}})
    return job.model_copy(
        update={
            "nodes": {**job.nodes, "pacs": night},
            "source": ("pacs",),
            "run": job.run.model_copy(update=run),
        }
    )


def local(hour: int) -> float:
    return datetime(2024, 1, 29, hour).timestamp()  # noqa: DTZ001 - windows go by the time of the machine


def test_a_run_outside_a_window_ends_with_5_and_says_when_it_opens(job: Job, options: RunOptions) -> None:
    clock = Clock(local(12))

    ended = run_job(held_job(job), options, silent, held_parts(clock, deeds.succeed, "a", "b"))

    assert (ended.exit_code, ended.counts) == (5, {TaskStatus.PENDING: 2})
    assert ended.held == Hold("pacs", HeldBy.WINDOW, local(19))
    assert tries(folder(options).path, "a") == 0
    with open_reader(folder(options)) as reader:
        assert reader.summary().held == ended.held

    clock.now = local(20)
    later = run_job(held_job(job), options, silent, held_parts(clock, deeds.succeed, "a", "b"))
    assert (later.exit_code, later.counts, later.held) == (0, {TaskStatus.SUCCESS: 2}, None)
    with open_reader(folder(options)) as reader:
        assert reader.summary().held is None


@pytest.mark.parametrize(("wanted", "outside"), [({}, "wait"), ({"wait": True}, "stop")])
def test_a_run_waits_for_a_window_where_the_job_or_the_user_says_so(
    job: Job, options: RunOptions, wanted: dict[str, bool], outside: str
) -> None:
    clock = Clock(local(12))
    waiting: list[Hold | None] = []

    def open_it(event: Event) -> None:
        if isinstance(event, RunWaits):
            with open_reader(folder(options)) as reader:
                waiting.append(reader.summary().held)
            clock.now = local(19)
        elif isinstance(event, TaskStarted):
            with open_reader(folder(options)) as reader:
                waiting.append(reader.summary().held)

    ended = run_job(
        held_job(job, outside_window=outside),
        replace(options, **wanted),
        open_it,
        held_parts(clock, deeds.succeed, "a"),
    )

    assert ended.exit_code == 0
    assert waiting == [Hold("pacs", HeldBy.WINDOW, local(19)), None]


def test_the_user_may_stop_where_the_job_waits(job: Job, options: RunOptions) -> None:
    waiting = held_job(job, outside_window="wait")

    ended = run_job(
        waiting, replace(options, wait=False), silent, held_parts(Clock(local(12)), deeds.succeed, "a")
    )

    assert ended.exit_code == 5


def test_how_long_a_run_takes_may_stand_in_the_job(job: Job, options: RunOptions) -> None:
    short = job.model_copy(update={"run": job.run.model_copy(update={"stop_after": 0.0})})

    assert run_job(short, options, silent, parts(deeds.succeed, "a")).exit_code == 5
    assert (
        run_job(short, replace(options, stop_after=3600.0), silent, parts(deeds.succeed, "a")).exit_code == 0
    )

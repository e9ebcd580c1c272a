"""Runs whose nodes have windows or take so many studies an hour, by a clock that the tests set."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from adit_cli.engine.events import Event, RunWaits, TaskEnded, TaskProgress, TaskStarted
from adit_cli.engine.executor import run_tasks
from adit_cli.engine.folders import JobFolder
from adit_cli.engine.gate import Gate
from adit_cli.engine.hold import HeldBy, Hold
from adit_cli.engine.intake import Intake
from adit_cli.engine.overtime import EXTRA
from adit_cli.engine.report import open_reader
from adit_cli.engine.seats import unlimited
from adit_cli.engine.state import StateStore, open_state
from adit_cli.engine.stop import GRACE, Cause, Stop
from adit_cli.engine.verdict import Rules
from adit_cli.errors import Reason
from adit_cli.nodes.quota import Quota
from adit_cli.tasks.task import TaskStatus
from tests.support import engine_tasks as deeds
from tests.support.engine_tasks import Deed, Doing, task, tries
from tests.support.hours import Clock, at, gate, keeper

NOON, EVENING, MORNING = at("2024-01-29 12:00"), at("2024-01-29 19:00"), at("2024-01-30 06:00")
NIGHT = keeper("pacs", "19:00-06:00")
ALWAYS = keeper("pacs")


@dataclass
class Trial:
    """A run of tasks of two sources, `pacs` and `other`, that ends by itself or by what it is told."""

    store: StateStore
    clock: Clock = field(default_factory=lambda: Clock(NOON))
    events: list[Event] = field(default_factory=list[Event])
    when: Callable[[Event], None] = lambda _event: None

    def run(self, deed: Deed, through: Gate, pacs: str, other: str = "", rules: Rules | None = None) -> Stop:
        tasks = [*map(task, pacs.split()), *(replace(task(key), source="other") for key in other.split())]
        self.store.add_tasks(tasks)
        rules = rules or Rules(1, attempts=2, retry_after=0.0)
        seating = unlimited(Doing(deed, self.store.folder.path))
        with Stop() as stop:
            run_tasks(self.store, seating, rules, stop, self.take, Intake(self.store, through))
        return stop

    def take(self, event: Event) -> None:
        self.events.append(event)
        self.when(event)

    def began(self) -> list[str]:
        return [event.task_key for event in self.events if isinstance(event, TaskStarted)]

    def holds(self) -> list[Hold]:
        return [event.hold for event in self.events if isinstance(event, RunWaits)]

    def on(self, kind: type[Event], now: float) -> None:
        """Set the clock when something happens."""
        self.when = lambda event: setattr(self.clock, "now", now) if isinstance(event, kind) else None


@pytest.fixture
def trial(tmp_path: Path) -> Generator[Trial]:
    with open_state(JobFolder(tmp_path / "job")) as store:
        yield Trial(store)


def test_a_run_outside_the_window_begins_with_nothing_and_stops(trial: Trial) -> None:
    stop = trial.run(deeds.succeed, gate(trial.clock, pacs=NIGHT), "a b")

    assert stop.cause is Cause.WINDOW
    assert stop.cause.exit_code == 5
    assert trial.store.counts() == {TaskStatus.PENDING: 2}
    assert trial.events == []


def test_in_the_window_studies_move(trial: Trial) -> None:
    trial.clock.now = EVENING

    stop = trial.run(deeds.succeed, gate(trial.clock, pacs=NIGHT), "a b")

    assert stop.cause is None
    assert trial.store.counts() == {TaskStatus.SUCCESS: 2}


def test_where_nothing_is_left_a_closed_window_is_no_reason_to_stop(trial: Trial) -> None:
    trial.clock.now = EVENING
    trial.on(TaskEnded, MORNING)

    stop = trial.run(deeds.succeed, gate(trial.clock, pacs=NIGHT), "a")

    assert stop.cause is None


def test_a_run_that_waits_begins_when_the_window_opens(trial: Trial) -> None:
    trial.on(RunWaits, EVENING)

    stop = trial.run(deeds.succeed, gate(trial.clock, waits=True, pacs=NIGHT), "a b")

    assert stop.cause is None
    assert trial.events[0] == RunWaits(Hold("pacs", HeldBy.WINDOW, EVENING), NOON, 2)
    assert trial.store.counts() == {TaskStatus.SUCCESS: 2}


def test_nothing_new_begins_once_the_window_has_closed(trial: Trial) -> None:
    trial.clock.now = EVENING
    trial.on(TaskStarted, MORNING)

    stop = trial.run(deeds.succeed, gate(trial.clock, pacs=NIGHT), "a b")

    assert stop.cause is Cause.WINDOW
    assert trial.store.counts() == {TaskStatus.SUCCESS: 1, TaskStatus.PENDING: 1}


def test_a_retry_is_held_like_any_other_attempt(trial: Trial) -> None:
    trial.clock.now = EVENING
    trial.on(TaskEnded, MORNING)

    stop = trial.run(deeds.fail_once, gate(trial.clock, pacs=NIGHT), "a")

    assert stop.cause is Cause.WINDOW
    assert trial.store.counts() == {TaskStatus.PENDING: 1}


def test_the_studies_of_another_source_go_on(trial: Trial) -> None:
    through = gate(trial.clock, pacs=NIGHT, other=ALWAYS)

    stop = trial.run(deeds.succeed, through, "a b", "x y")

    assert trial.began() == ["x", "y"]
    assert stop.cause is Cause.WINDOW
    assert trial.store.counts() == {TaskStatus.SUCCESS: 2, TaskStatus.PENDING: 2}


def test_a_run_does_not_stop_for_a_window_while_another_source_only_waits(
    trial: Trial, tmp_path: Path
) -> None:
    quota = Quota(tmp_path / "slots", "OTHER", 10)
    through = gate(trial.clock, pacs=NIGHT, other=keeper("other", quota=quota))
    trial.when = lambda event: (
        setattr(trial.clock, "now", event.hold.until) if isinstance(event, RunWaits) else None
    )

    stop = trial.run(deeds.succeed, through, "a", "x y")

    assert {hold.node for hold in trial.holds()} == {"other"}
    assert stop.cause is Cause.WINDOW
    assert trial.store.counts() == {TaskStatus.SUCCESS: 2, TaskStatus.PENDING: 1}


def test_who_waits_is_told_while_others_are_at_work(trial: Trial) -> None:
    through = gate(trial.clock, pacs=NIGHT, other=ALWAYS)

    trial.run(deeds.succeed, through, "a", "x", Rules(2, retry_after=0.0))

    assert trial.holds() == [Hold("pacs", HeldBy.WINDOW, EVENING)]


def test_a_study_under_way_may_end_within_some_minutes(trial: Trial) -> None:
    trial.clock.now = EVENING
    trial.on(TaskStarted, MORNING + EXTRA - 1)

    trial.run(deeds.succeed, gate(trial.clock, pacs=NIGHT), "a")

    assert trial.store.counts() == {TaskStatus.SUCCESS: 1}


def test_a_study_that_takes_longer_is_stopped_and_stays_in_line(trial: Trial) -> None:
    trial.clock.now = EVENING
    trial.on(TaskProgress, MORNING + EXTRA)

    stop = trial.run(deeds.work_until_stopped, gate(trial.clock, pacs=NIGHT), "a", rules=Rules(1, attempts=1))

    assert stop.cause is Cause.WINDOW
    (ended,) = (event for event in trial.events if isinstance(event, TaskEnded))
    assert (ended.status, ended.outcome.reason) == (TaskStatus.PENDING, Reason.INTERRUPTED)
    started = trial.store.start_attempt(trial.clock.now)
    assert started is not None
    assert (started.number, started.tries) == (2, 1)


def test_a_worker_that_does_not_stop_is_ended_and_its_study_stays_in_line(trial: Trial) -> None:
    trial.clock.now = EVENING
    trial.on(TaskProgress, MORNING + EXTRA + GRACE)

    stop = trial.run(deeds.hang, gate(trial.clock, pacs=NIGHT), "a", rules=Rules(1, attempts=1))

    assert stop.cause is Cause.WINDOW
    assert trial.store.counts() == {TaskStatus.PENDING: 1}


def test_a_study_of_another_source_is_not_stopped(trial: Trial) -> None:
    trial.clock.now = EVENING
    trial.on(TaskProgress, MORNING + EXTRA)
    through = gate(trial.clock, pacs=NIGHT, other=ALWAYS)

    def stop_at_last(event: Event) -> None:
        if isinstance(event, TaskProgress):
            trial.clock.now = MORNING + EXTRA
        if isinstance(event, TaskEnded) and event.task_key == "slow":
            (trial.store.folder.path / "enough").touch()

    trial.when = stop_at_last
    trial.run(deeds.work_until_enough, through, "slow", "x", Rules(2, attempts=1))

    assert trial.store.counts() == {TaskStatus.PENDING: 1, TaskStatus.SUCCESS: 1}


def test_a_signal_ends_the_waiting_at_once(trial: Trial) -> None:
    stopping: list[Stop] = []
    trial.store.add_tasks([task("a")])
    with Stop() as stop:
        stopping.append(stop)
        trial.when = lambda event: stop.request(Cause.TERMINATE) if isinstance(event, RunWaits) else None
        through = gate(trial.clock, waits=True, pacs=NIGHT)
        seating = unlimited(Doing(deeds.succeed, trial.store.folder.path))
        run_tasks(trial.store, seating, Rules(1), stop, trial.take, Intake(trial.store, through))

    assert stop.cause is Cause.TERMINATE
    assert trial.store.counts() == {TaskStatus.PENDING: 1}


def test_so_many_studies_begin_in_an_hour_as_the_limit_says(trial: Trial, tmp_path: Path) -> None:
    quota = Quota(tmp_path / "slots", "PACS", 10)
    through = gate(trial.clock, pacs=keeper("pacs", quota=quota))
    began: list[float] = []

    def follow(event: Event) -> None:
        if isinstance(event, TaskStarted):
            began.append(trial.clock.now)
        elif isinstance(event, RunWaits):
            trial.clock.now = event.hold.until

    trial.when = follow
    stop = trial.run(deeds.succeed, through, "a b c")

    assert stop.cause is None
    assert [round(time - NOON) for time in began] == [0, 360, 720]
    assert {hold.by for hold in trial.holds()} == {HeldBy.QUOTA}


def test_the_hour_is_shared_by_all_jobs_and_survives_their_death(trial: Trial, tmp_path: Path) -> None:
    for number in range(3):
        Quota(tmp_path / "slots", "PACS", 3).take(NOON - 3600 + 1201 * number)
    quota = Quota(tmp_path / "slots", "PACS", 3)
    trial.when = lambda event: (
        setattr(trial.clock, "now", event.hold.until) if isinstance(event, RunWaits) else None
    )

    trial.run(deeds.succeed, gate(trial.clock, pacs=keeper("pacs", quota=quota)), "a")

    assert NOON < trial.clock.now <= NOON + 1204


def test_a_retry_counts_as_a_study_that_begins(trial: Trial, tmp_path: Path) -> None:
    quota = Quota(tmp_path / "slots", "PACS", 10)
    trial.when = lambda event: (
        setattr(trial.clock, "now", event.hold.until) if isinstance(event, RunWaits) else None
    )

    trial.run(deeds.fail_once, gate(trial.clock, pacs=keeper("pacs", quota=quota)), "a")

    assert tries(trial.store.folder.path, "a") == 2
    assert round(trial.clock.now - NOON) == 360


def test_workers_are_kept_over_a_short_hold_and_not_over_a_long_one(trial: Trial, tmp_path: Path) -> None:
    trial.when = lambda event: (
        setattr(trial.clock, "now", event.hold.until) if isinstance(event, RunWaits) else None
    )
    often, seldom = Quota(tmp_path / "slots", "A", 200), Quota(tmp_path / "slots", "B", 10)

    trial.run(deeds.succeed, gate(trial.clock, pacs=keeper("pacs", quota=seldom)), "a b")
    started = len((trial.store.folder.path / "opened").read_text().split())
    trial.run(deeds.succeed, gate(trial.clock, pacs=keeper("pacs", quota=often)), "c d e f g")

    assert started == 2
    assert len((trial.store.folder.path / "opened").read_text().split()) == started + 1


def test_what_a_run_waits_for_is_kept_with_it(trial: Trial) -> None:
    number = trial.store.begin_run("job")
    hold = Hold("pacs", HeldBy.WINDOW, EVENING)

    trial.store.note_wait(number, hold)
    with open_reader(trial.store.folder) as reader:
        waiting = reader.summary()
    trial.store.note_wait(number, None)
    with open_reader(trial.store.folder) as reader:
        going = reader.summary()

    assert (waiting.held, going.held) == (hold, None)


@pytest.mark.parametrize(("waits", "shut"), [("waits", False), ("", True)])
def test_a_window_is_the_end_only_for_who_does_not_wait(trial: Trial, waits: str, *, shut: bool) -> None:
    trial.store.add_tasks([task("a")])

    intake = Intake(trial.store, gate(trial.clock, waits=bool(waits), pacs=NIGHT))

    assert intake.is_shut() is shut

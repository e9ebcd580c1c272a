"""The executor with real worker processes."""

from __future__ import annotations

import logging
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from adit_cli.engine.events import Event, TaskEnded, TaskProgress, TaskStarted
from adit_cli.engine.executor import run_tasks
from adit_cli.engine.folders import JobFolder
from adit_cli.engine.report import open_reader
from adit_cli.engine.seats import Seat, Seating, unlimited
from adit_cli.engine.state import StateStore, open_state
from adit_cli.engine.stop import Cause, Stop
from adit_cli.engine.verdict import Rules
from adit_cli.engine.worker import Setup
from adit_cli.errors import AditError, Reason
from adit_cli.tasks.task import TaskStatus
from tests.support import engine_tasks as deeds
from tests.support.engine_tasks import Deed, Doing, task, tries

ONE_WORKER = Rules(workers=1, attempts=2, retry_after=0.0)
TWO_WORKERS = Rules(workers=2, attempts=2, retry_after=0.0)


@dataclass
class Trial:
    """A run of some tasks, all with the same deed, and what was told of it."""

    store: StateStore
    place: Path
    events: list[Event] = field(default_factory=list[Event])
    when: Callable[[Event], None] = lambda _event: None
    seating: Callable[[Setup], Seating] = unlimited

    def run(self, deed: Deed, keys: str, rules: Rules = ONE_WORKER, stop: Stop | None = None) -> Stop:
        self.store.add_tasks([task(key) for key in keys.split()])
        with stop or Stop() as stopping:
            run_tasks(self.store, self.seating(Doing(deed, self.place)), rules, stopping, self.take)
        return stopping

    def take(self, event: Event) -> None:
        self.events.append(event)
        self.when(event)

    def ended(self) -> list[TaskEnded]:
        return [event for event in self.events if isinstance(event, TaskEnded)]

    def processes(self) -> list[str]:
        return (self.place / "opened").read_text().split()


@pytest.fixture
def trial(tmp_path: Path) -> Generator[Trial]:
    with open_state(JobFolder(tmp_path / "job")) as store:
        yield Trial(store, store.folder.path)


def test_every_task_runs_once_and_workers_are_kept(trial: Trial) -> None:
    trial.run(deeds.succeed, "a b c d e f", TWO_WORKERS)

    assert trial.store.counts() == {TaskStatus.SUCCESS: 6}
    assert [tries(trial.place, key) for key in "abcdef"] == [1] * 6
    assert len(trial.processes()) == 2
    assert sorted((trial.place / "closed").read_text().split()) == sorted(trial.processes())


def test_no_more_workers_are_started_than_there_are_tasks(trial: Trial) -> None:
    trial.run(deeds.succeed, "a", Rules(workers=8))

    assert len(trial.processes()) == 1


def test_a_task_is_told_of_when_it_starts_and_when_it_ends(trial: Trial) -> None:
    trial.run(deeds.succeed, "a")

    started, ended = trial.events
    assert started == TaskStarted("a", "1.2.3.a", worker=1, attempt=1)
    assert isinstance(ended, TaskEnded)
    assert (ended.status, ended.outcome.delivered) == (TaskStatus.SUCCESS, 1)
    assert ended.outcome.seconds > 0


def test_an_outcome_is_on_record_before_anybody_hears_of_it(trial: Trial) -> None:
    recorded: list[dict[TaskStatus, int]] = []
    trial.when = lambda event: recorded.append(trial.store.counts()) if isinstance(event, TaskEnded) else None

    trial.run(deeds.succeed, "a b")

    assert recorded[0] == {TaskStatus.SUCCESS: 1, TaskStatus.PENDING: 1}


def test_what_may_go_better_is_tried_again_in_the_same_run(trial: Trial) -> None:
    trial.run(deeds.fail_once, "a")

    first, second = trial.ended()
    assert (first.status, first.outcome.reason) == (TaskStatus.PENDING, Reason.UNREACHABLE)
    assert (second.status, second.attempt) == (TaskStatus.SUCCESS, 2)


def test_a_retry_waits_its_time(trial: Trial) -> None:
    trial.run(deeds.fail_once, "a", Rules(workers=1, attempts=2, retry_after=0.5))

    with open_reader(trial.store.folder) as reader:
        first, second = reader.attempts("a")
    assert first.ended is not None
    assert second.started >= first.ended + 0.45


def test_what_never_goes_better_is_a_failure_after_so_many_attempts(trial: Trial) -> None:
    trial.run(deeds.never_answer, "a", Rules(workers=1, attempts=3, retry_after=0.0))

    assert tries(trial.place, "a") == 3
    assert trial.store.counts() == {TaskStatus.FAILURE: 1}


def test_a_defect_fails_its_task_only_and_names_no_patient(
    trial: Trial, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "adit_cli")

    trial.run(deeds.break_down, "a b")

    first, _second = trial.ended()
    assert first.outcome.reason is Reason.INTERNAL
    assert re.fullmatch(r"unexpected ValueError at engine_tasks\.py:\d+", first.outcome.message)
    assert "break_down" in caplog.text
    assert "DOE" not in caplog.text


def test_a_killed_worker_costs_its_own_attempt_only(trial: Trial) -> None:
    trial.run(deeds.be_killed_once, "a victim b c", TWO_WORKERS)

    assert trial.store.counts() == {TaskStatus.SUCCESS: 4}
    assert [tries(trial.place, key) for key in ("a", "b", "c", "victim")] == [1, 1, 1, 2]
    (lost,) = [event for event in trial.ended() if event.status is TaskStatus.PENDING]
    assert lost.outcome.reason is Reason.INTERRUPTED
    assert "SIGKILL" in lost.outcome.message


def test_a_task_that_kills_every_worker_fails_and_the_others_go_on(trial: Trial) -> None:
    trial.run(deeds.be_killed, "victim a b")

    assert trial.store.counts() == {TaskStatus.SUCCESS: 2, TaskStatus.FAILURE: 1}
    assert tries(trial.place, "victim") == 2


def test_workers_that_all_die_end_the_run(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adit_cli.engine.executor.DEATHS_IN_A_ROW", 3)

    with pytest.raises(AditError, match="3 worker processes in a row"):
        trial.run(deeds.leave, " ".join("abcdefgh"), Rules(workers=2, attempts=3))

    assert trial.ended()[0].outcome.message == "the worker process ended by itself with exit code 9"


@pytest.mark.parametrize(
    ("number", "cause"), [(signal.SIGINT, Cause.INTERRUPT), (signal.SIGTERM, Cause.TERMINATE)]
)
def test_a_signal_stops_running_tasks_at_a_safe_point_and_starts_no_other(
    trial: Trial, number: signal.Signals, cause: Cause
) -> None:
    sent: list[Event] = []

    def send_once(event: Event) -> None:
        if isinstance(event, TaskProgress) and not sent:
            sent.append(event)
            os.kill(os.getpid(), number)

    trial.when = send_once
    stop = trial.run(deeds.work_until_stopped, "a b")

    assert stop.cause is cause
    (ended,) = trial.ended()
    assert (ended.status, ended.outcome.reason) == (TaskStatus.PENDING, Reason.INTERRUPTED)
    assert trial.store.counts() == {TaskStatus.PENDING: 2}
    assert (tries(trial.place, "a"), tries(trial.place, "b")) == (1, 0)
    assert (trial.place / "closed").exists()


def test_what_ends_while_stopping_is_kept(trial: Trial) -> None:
    trial.when = lambda event: stop.request(Cause.TIME) if isinstance(event, TaskStarted) else None
    stop = Stop()

    trial.run(deeds.succeed, "a b", stop=stop)

    assert trial.store.counts() == {TaskStatus.SUCCESS: 1, TaskStatus.PENDING: 1}


def test_a_second_signal_kills_what_does_not_stop(trial: Trial) -> None:
    def send_twice(event: Event) -> None:
        if isinstance(event, TaskProgress):
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    trial.when = send_twice
    trial.run(deeds.hang, "a")

    (ended,) = trial.ended()
    assert "SIGKILL" in ended.outcome.message
    assert trial.store.counts() == {TaskStatus.PENDING: 1}


def test_what_does_not_stop_is_killed_when_the_grace_is_over(trial: Trial) -> None:
    stop = Stop(grace=0.1)
    trial.when = lambda event: stop.request(Cause.TIME) if isinstance(event, TaskProgress) else None

    trial.run(deeds.hang, "a", stop=stop)

    assert trial.store.counts() == {TaskStatus.PENDING: 1}


def test_nothing_starts_after_the_deadline(trial: Trial) -> None:
    stop = trial.run(deeds.succeed, "a", stop=Stop(stop_after=0))

    assert stop.cause is Cause.TIME
    assert trial.events == []


def test_the_deadline_stops_what_runs(trial: Trial) -> None:
    trial.run(deeds.work_until_stopped, "a", stop=Stop(stop_after=0.5))

    assert trial.store.counts() == {TaskStatus.PENDING: 1}


def test_a_stop_does_not_wait_for_a_retry_that_is_hours_away(trial: Trial) -> None:
    started = time.monotonic()

    trial.run(deeds.never_answer, "a", Rules(1, attempts=2, retry_after=3600.0), Stop(stop_after=1.0))

    assert time.monotonic() - started < 60
    assert trial.store.counts() == {TaskStatus.PENDING: 1}


def test_a_full_disk_stops_the_run_and_blames_no_task(trial: Trial) -> None:
    stop = trial.run(deeds.run_out_of_space, "a b c")

    assert stop.cause is Cause.DISK_FULL
    assert trial.store.counts() == {TaskStatus.PENDING: 3}
    assert len(trial.ended()) == 1


def test_a_worker_that_is_terminated_stops_at_a_safe_point_and_is_replaced(trial: Trial) -> None:
    killed: list[int] = []

    def terminate_first(event: Event) -> None:
        if isinstance(event, TaskProgress) and not killed:
            killed.append(int(trial.processes()[0]))
            os.kill(killed[0], signal.SIGTERM)
        elif isinstance(event, TaskProgress) and len(trial.processes()) > 1:
            stop.request(Cause.TIME)

    stop = Stop()
    trial.when = terminate_first
    trial.run(deeds.work_until_stopped, "a", stop=stop)

    assert [event.outcome.message for event in trial.ended()] == ["stopped before it was done"] * 2
    assert tries(trial.place, "a") == 2
    assert trial.store.counts() == {TaskStatus.PENDING: 1}


def test_the_spool_outlives_an_attempt_but_not_the_task(trial: Trial) -> None:
    kept: list[bool] = []
    spooled = trial.store.folder.spool / "a" / "in" / "1.dcm"
    trial.when = lambda event: kept.append(spooled.exists()) if isinstance(event, TaskEnded) else None

    trial.run(deeds.leave_spool, "a")

    assert kept == [True, False]
    assert list(trial.store.folder.spool.iterdir()) == []


def test_an_error_of_whoever_listens_ends_the_workers(trial: Trial) -> None:
    def fail(event: Event) -> None:
        if not isinstance(event, TaskProgress):
            return
        raise RuntimeError("no more display")

    trial.when = fail
    with pytest.raises(RuntimeError, match="no more display"):
        trial.run(deeds.hang, "a")

    (pid,) = trial.processes()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)


def test_it_runs_outside_the_main_thread(tmp_path: Path) -> None:
    counts: list[dict[TaskStatus, int]] = []

    def run() -> None:
        with open_state(JobFolder(tmp_path / "other")) as store:
            Trial(store, store.folder.path).run(deeds.succeed, "a")
            counts.append(store.counts())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()

    assert counts == [{TaskStatus.SUCCESS: 1}]


def test_a_run_waits_for_a_seat_without_starting_anything(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adit_cli.engine.executor.SECONDS_BETWEEN_SEATS", 0.01)
    asked: list[dict[TaskStatus, int]] = []

    def third_time(setup: Setup) -> Seating:
        def seating() -> Seat | None:
            asked.append(trial.store.counts())
            return Seat(setup) if len(asked) == 3 else None

        return seating

    trial.seating = third_time
    trial.run(deeds.succeed, "a b")

    assert asked == [{TaskStatus.PENDING: 2}] * 3
    assert trial.store.counts() == {TaskStatus.SUCCESS: 2}
    assert len(trial.processes()) == 1


def test_a_run_that_waits_for_a_seat_can_be_stopped(trial: Trial) -> None:
    def never(_setup: Setup) -> Seating:
        return lambda: None

    trial.seating = never
    stop = trial.run(deeds.succeed, "a", stop=Stop(stop_after=0.1))

    assert stop.cause is Cause.TIME
    assert trial.store.counts() == {TaskStatus.PENDING: 1}


def test_a_seat_is_given_back_when_its_worker_has_ended(trial: Trial) -> None:
    given_back: list[bool] = []

    def noticing(setup: Setup) -> Seating:
        def seating() -> Seat:
            held = ExitStack()
            held.callback(lambda: given_back.append((trial.place / "closed").exists()))
            return Seat(setup, held)

        return seating

    trial.seating = noticing
    trial.run(deeds.succeed, "a b")

    assert given_back == [True]

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest

from adit_cli.engine.folders import JobFolder, StateFolder
from adit_cli.engine.lock import exclusive
from adit_cli.engine.report import StateReader, Tally, open_reader, summaries
from adit_cli.engine.state import StateStore, open_state
from adit_cli.errors import Reason, UsageError
from adit_cli.tasks.task import Outcome, TaskStatus, Unresolved
from tests.support.engine_tasks import DONE, NOT_FOUND, UNREACHABLE, task

MISSING = Outcome(TaskStatus.WARNING, Reason.INCOMPLETE, "2 missing", delivered=3, missing=("1.2", "1.3"))


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    return StateFolder(tmp_path).create().job("lung").create()


@pytest.fixture
def store(folder: JobFolder) -> Generator[StateStore]:
    with open_state(folder) as store:
        yield store


@pytest.fixture
def reader(store: StateStore) -> Generator[StateReader]:
    with open_reader(store.folder) as reader:
        yield reader


def end(store: StateStore, *outcomes: Outcome) -> None:
    for outcome in outcomes:
        started = store.start_attempt(1.0)
        assert started is not None
        store.finish_attempt(started, outcome, outcome.status)


def test_a_job_is_counted_by_status_and_reason(store: StateStore, reader: StateReader) -> None:
    store.add_tasks([task(key) for key in "abcdef"], [Unresolved("row 9", Reason.AMBIGUOUS, "two studies")])
    end(store, DONE, DONE, NOT_FOUND, MISSING)
    store.start_attempt(1.0)

    summary = reader.summary()

    assert set(summary.tallies) == {
        Tally(TaskStatus.SUCCESS, None, tasks=2, delivered=2, withheld=0, missing=0, size=20),
        Tally(TaskStatus.FAILURE, Reason.NOT_FOUND, tasks=1, delivered=0, withheld=0, missing=0, size=0),
        Tally(TaskStatus.WARNING, Reason.INCOMPLETE, tasks=1, delivered=3, withheld=0, missing=2, size=0),
        Tally(TaskStatus.RUNNING, None, tasks=1, delivered=0, withheld=0, missing=0, size=0),
        Tally(TaskStatus.PENDING, None, tasks=1, delivered=0, withheld=0, missing=0, size=0),
    }
    assert summary.counts == store.counts()
    assert summary.unresolved == 1


def test_the_last_run_is_told_with_who_runs_it_now(store: StateStore, reader: StateReader) -> None:
    assert (reader.summary().runs, reader.summary().job) == (0, "lung")

    number = store.begin_run("lung")
    with exclusive(store.folder, "lung"):
        going_on = reader.summary()
    store.end_run(number, 3)
    over = reader.summary()

    assert (going_on.pid, going_on.ended, going_on.exit_code) == (os.getpid(), None, None)
    assert (over.pid, over.exit_code, over.runs) == (None, 3, 1)
    assert over.started is not None
    assert over.ended is not None
    assert over.ended >= over.started


def test_tasks_are_told_in_their_order_page_by_page(
    store: StateStore, reader: StateReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adit_cli.engine.report.PAGE", 2)
    store.add_tasks([task(key, rows=(1, 2)) for key in "edcba"])
    end(store, DONE)

    records = list(reader.tasks())

    assert [record.key for record in records] == ["e", "d", "c", "b", "a"]
    assert (records[0].status, records[0].outcome, records[0].rows) == (TaskStatus.SUCCESS, DONE, (1, 2))
    assert (records[1].status, records[1].outcome, records[1].attempts) == (TaskStatus.PENDING, None, 0)


def test_tasks_are_chosen_by_status_and_reason(store: StateStore, reader: StateReader) -> None:
    store.add_tasks([task(key) for key in "abcd"])
    end(store, DONE, NOT_FOUND, MISSING)

    assert [record.key for record in reader.tasks(["failure"])] == ["b"]
    assert [record.key for record in reader.tasks(["incomplete", "pending"])] == ["c", "d"]


def test_a_record_does_not_say_who_the_patient_is(store: StateStore, reader: StateReader) -> None:
    store.add_tasks([task("a", pseudonym="LUNG-1")])

    (record,) = reader.tasks()

    assert "PAT1" not in repr(record)
    assert "LUNG-1" not in repr(record)


def test_every_attempt_is_told(store: StateStore, reader: StateReader) -> None:
    store.add_tasks([task("a")])
    started = store.start_attempt(1.0)
    assert started is not None
    store.finish_attempt(started, UNREACHABLE, TaskStatus.PENDING)
    store.start_attempt(2.0)

    first, second = reader.attempts("a")

    assert (first.number, first.started, first.outcome) == (1, 1.0, UNREACHABLE)
    assert (second.number, second.ended, second.outcome) == (2, None, None)


def test_what_is_known_of_tasks_does_not_depend_on_the_present_plan(
    store: StateStore, reader: StateReader
) -> None:
    store.add_tasks([task("a")])
    end(store, DONE)
    store.add_tasks([task("b")])

    assert reader.statuses(["a", "b", "c"]) == {"a": TaskStatus.SUCCESS, "b": TaskStatus.PENDING}


def test_a_job_that_never_ran_is_a_usage_error(tmp_path: Path) -> None:
    with (
        pytest.raises(UsageError, match="no job has run as brain"),
        open_reader(JobFolder(tmp_path / "brain")),
    ):
        pass


def test_every_job_of_a_state_folder_is_told(tmp_path: Path) -> None:
    state = StateFolder(tmp_path).create()
    for name in ("lung", "brain & heart"):
        with open_state(state.job(name)) as store:
            store.begin_run(name)

    assert sorted(summary.job for summary in summaries(state)) == ["brain & heart", "lung"]

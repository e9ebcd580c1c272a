from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest

from adit_cli.engine.folders import JobFolder
from adit_cli.engine.report import open_reader
from adit_cli.engine.rows import Started
from adit_cli.engine.schema import STEPS
from adit_cli.engine.state import StateStore, open_state
from adit_cli.errors import DiskFullError, Reason, StateError, UsageError
from adit_cli.tasks.task import Outcome, TaskStatus, TransferTask, Unresolved
from tests.support.engine_tasks import DONE, NOT_FOUND, UNREACHABLE, task

INCOMPLETE = Outcome(
    TaskStatus.WARNING,
    Reason.INCOMPLETE,
    "1 of 3 instances did not arrive",
    "run again with --retry incomplete",
    transient=True,
    expected=3,
    received=2,
    delivered=1,
    withheld=1,
    rejected=0,
    size=12,
    seconds=1.5,
    missing=("1.2.3.4",),
    notes=("two series",),
)


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    return JobFolder(tmp_path / "lung")


@pytest.fixture
def store(folder: JobFolder) -> Generator[StateStore]:
    with open_state(folder) as store:
        yield store


def start(store: StateStore, now: float = 1.0) -> Started:
    started = store.start_attempt(now)
    assert started is not None
    return started


def end(store: StateStore, outcome: Outcome) -> None:
    store.finish_attempt(start(store), outcome, outcome.status)


def test_tasks_come_back_as_they_were_added_and_in_their_order(store: StateStore) -> None:
    tasks = [
        TransferTask("b", "1.2", "pacs", ("one", "two"), "PAT1", "HOSP", "LUNG-1", ("1.2.3",), (1, 4), 7),
        TransferTask("a", "1.3", "pacs", ("one",)),
    ]

    store.add_tasks(tasks)

    assert [start(store).task, start(store).task] == tasks
    assert store.start_attempt(1.0) is None


def test_the_same_tasks_again_change_nothing(store: StateStore) -> None:
    store.add_tasks([task("a"), task("b")])
    end(store, DONE)

    merged = store.add_tasks([task("a"), task("b"), task("b")])

    assert (merged.new, merged.again, merged.dropped) == (0, 0, 0)
    assert store.counts() == {TaskStatus.SUCCESS: 1, TaskStatus.PENDING: 1}


def test_a_task_added_later_is_the_only_one_to_run(store: StateStore) -> None:
    store.add_tasks([task("a")])
    end(store, DONE)

    merged = store.add_tasks([task("a"), task("b")])

    assert merged.new == 1
    assert start(store).task == task("b")
    assert store.start_attempt(1.0) is None


def test_a_task_that_is_not_asked_for_any_more_neither_runs_nor_counts(store: StateStore) -> None:
    store.add_tasks([task("a"), task("b")])

    merged = store.add_tasks([task("b")])

    assert merged.dropped == 1
    assert store.counts() == {TaskStatus.PENDING: 1}
    assert start(store).task.key == "b"
    assert not store.in_line("a")


def test_a_task_that_is_asked_for_again_is_still_known(store: StateStore) -> None:
    store.add_tasks([task("a")])
    end(store, DONE)
    store.add_tasks([])

    merged = store.add_tasks([task("a", rows=(5,))])

    assert merged.new == 0
    assert store.counts() == {TaskStatus.SUCCESS: 1}


def test_changed_rules_are_told_apart_from_new_studies(store: StateStore) -> None:
    store.add_tasks([task("a", "1.2"), task("b", "1.3")])

    merged = store.add_tasks([task("a2", "1.2"), task("b2", "1.3"), task("c", "1.4")])

    assert (merged.new, merged.again, merged.dropped) == (3, 2, 2)


def test_a_plan_that_breaks_off_leaves_the_earlier_one(store: StateStore) -> None:
    store.add_tasks([task("a")], [Unresolved("row 1", Reason.NOT_FOUND, "unknown")])

    def broken() -> Generator[Unresolved]:
        yield Unresolved("row 2", Reason.NOT_FOUND, "unknown")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.add_tasks([task("b")], broken())

    with open_reader(store.folder) as reader:
        assert [record.key for record in reader.tasks()] == ["a"]
        assert [entry.label for entry in reader.unresolved()] == ["row 1"]


def test_a_task_waits_for_its_time_and_then_goes_first(store: StateStore) -> None:
    store.add_tasks([task("a"), task("b"), task("c")])
    store.finish_attempt(start(store), UNREACHABLE, TaskStatus.PENDING, retry_at=100.0)

    assert start(store, 99.0).task.key == "b"
    assert start(store, 100.0).task.key == "a"


def test_the_time_of_the_next_task_in_line_is_known(store: StateStore) -> None:
    assert store.next_due() is None

    store.add_tasks([task("a"), task("b")])
    assert store.next_due() == 0

    store.finish_attempt(start(store), UNREACHABLE, TaskStatus.PENDING, retry_at=100.0)
    start(store)
    assert store.next_due() == 100.0


def test_tries_are_counted_unless_they_do_not_count(store: StateStore) -> None:
    store.add_tasks([task("a")])

    store.finish_attempt(start(store), UNREACHABLE, TaskStatus.PENDING)
    store.finish_attempt(start(store), UNREACHABLE, TaskStatus.PENDING, counts=False)
    third = start(store)

    assert (third.number, third.tries) == (3, 2)


def test_what_a_dead_run_left_running_is_in_line_again_with_an_interrupted_attempt(folder: JobFolder) -> None:
    with open_state(folder) as store:
        store.add_tasks([task("a"), task("b")])
        store.finish_attempt(start(store), UNREACHABLE, TaskStatus.PENDING, retry_at=100.0)
        start(store)

    with open_state(folder) as store:
        assert store.counts() == {TaskStatus.PENDING: 2}
        assert [start(store).tries, start(store).tries] == [1, 1]

    with open_reader(folder) as reader:
        (first, second) = reader.attempts("b")
        assert first.outcome is not None
        assert first.outcome.reason is Reason.INTERRUPTED
        assert second.number == 2


def test_an_outcome_is_kept_whole(store: StateStore) -> None:
    store.add_tasks([task("a")])
    end(store, INCOMPLETE)

    with open_reader(store.folder) as reader:
        (attempt,) = reader.attempts("a")
        assert attempt.outcome == INCOMPLETE
        assert attempt.ended is not None


@pytest.mark.parametrize(
    ("selectors", "expected"),
    [
        (["failure"], {"b"}),
        (["warning"], {"c"}),
        (["not-found"], {"b"}),
        (["incomplete", "failure"], {"b", "c"}),
        (["success"], {"a"}),
        (["timeout"], set[str]()),
    ],
)
def test_ended_tasks_are_put_in_line_by_status_or_reason(
    store: StateStore, selectors: list[str], expected: set[str]
) -> None:
    store.add_tasks([task("a"), task("b"), task("c")])
    for outcome in (DONE, NOT_FOUND, INCOMPLETE):
        end(store, outcome)

    assert store.requeue(selectors) == len(expected)

    assert {key for key in "abc" if store.in_line(key)} == expected


def test_a_running_task_is_not_put_in_line(store: StateStore) -> None:
    store.add_tasks([task("a")])
    store.finish_attempt(start(store), UNREACHABLE, TaskStatus.PENDING)
    start(store)

    assert store.requeue(["unreachable"]) == 0


def test_an_unknown_selector_is_refused_with_what_was_meant(store: StateStore) -> None:
    with pytest.raises(UsageError, match="no task ends as failures") as caught:
        store.requeue(["failures"])

    assert caught.value.hint == "did you mean failure?"


def test_instances_in_line_are_counted_where_the_source_said(store: StateStore) -> None:
    assert store.instances_in_line() == 0

    store.add_tasks([TransferTask("a", "1.2", "pacs", ("out",), instances=7)])
    assert store.instances_in_line() == 7

    store.add_tasks([TransferTask("a", "1.2", "pacs", ("out",), instances=7), task("b")])
    assert store.instances_in_line() is None


def test_the_latest_pseudonym_of_each_patient_is_known(store: StateStore) -> None:
    store.add_tasks([task("a", pseudonym="LUNG-1"), task("b", pseudonym="LUNG-2")])
    store.add_tasks([])

    assert store.pseudonyms() == {("", "PAT1"): "LUNG-2"}


def test_the_state_is_for_the_user_alone(store: StateStore) -> None:
    store.add_tasks([task("a")])

    for file in store.folder.path.glob("state.sqlite*"):
        assert file.stat().st_mode & 0o077 == 0


def test_a_person_can_read_it_with_sqlite3(store: StateStore) -> None:
    store.add_tasks([task("a", rows=(3,))])
    end(store, INCOMPLETE)

    shown = subprocess.run(
        [
            "sqlite3",
            store.folder.database,
            "select study_uid, status, reason, missing, cohort_rows from result",
        ],
        capture_output=True,
        text=True,
        check=True,
    )

    assert shown.stdout == "1.2.3.a|warning|incomplete|1|[3]\n"


def test_opening_twice_applies_each_schema_step_once(folder: JobFolder) -> None:
    for _ in range(2):
        with open_state(folder) as store:
            store.add_tasks([task("a")])

    with sqlite3.connect(folder.database) as db:
        assert db.execute("pragma user_version").fetchone() == (len(STEPS),)
        assert db.execute("pragma journal_mode").fetchone() == ("wal",)
    db.close()


def test_a_database_of_an_earlier_version_is_brought_up_to_date(folder: JobFolder) -> None:
    folder.create()
    db = sqlite3.connect(folder.database)
    db.execute(STEPS[0])
    db.execute("pragma user_version = 1")
    db.close()

    with open_state(folder) as store:
        store.add_tasks([task("a")])
        end(store, DONE)


def test_a_database_of_a_newer_version_is_refused(folder: JobFolder) -> None:
    folder.create()
    db = sqlite3.connect(folder.database)
    db.execute(f"pragma user_version = {len(STEPS) + 1}")
    db.close()

    with pytest.raises(StateError, match="newer version of ADIT"), open_state(folder):
        pass


def test_a_file_that_is_no_database_is_a_state_error(folder: JobFolder) -> None:
    folder.create()
    folder.database.write_text("these are not the rows you are looking for" * 100)

    with pytest.raises(StateError, match="unusable: file is not a database"), open_state(folder):
        pass


def test_a_folder_in_place_of_the_database_is_a_state_error(folder: JobFolder) -> None:
    folder.database.mkdir(parents=True)

    with pytest.raises(StateError, match="cannot use the state database"), open_state(folder):
        pass


def test_a_full_disk_is_told_as_such_and_leaves_the_state_whole(store: StateStore) -> None:
    store._db.execute("pragma max_page_count = 20")  # pyright: ignore[reportPrivateUsage]  a disk of 80 KB

    with pytest.raises(DiskFullError, match="no room left for the state database") as caught:
        store.add_tasks([task(str(number)) for number in range(10_000)])

    assert caught.value.exit_code == 7
    assert store.counts() == {}

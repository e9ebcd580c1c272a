from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from adit_cli.errors import NodeError, Reason, TransientNodeError
from adit_cli.nodes.folder import FolderSource
from adit_cli.tasks.availability import Away, away_of, where_is
from adit_cli.tasks.plan import plan
from adit_cli.tasks.task import Outcome, TaskStatus
from adit_cli.tasks.transfer import Work, transfer
from tests.support.builders import BuiltStudy, build_study
from tests.support.job_texts import KEY, job_of
from tests.support.scripted_nodes import ScriptedDestination, ScriptedPool, ScriptedSource

JOB = "source: {folder: in}\ndestinations: [{folder: out}]\n"


@pytest.fixture
def study(tmp_path: Path) -> BuiltStudy:
    return build_study(tmp_path / "in", instances=3)


@pytest.fixture
def source(tmp_path: Path, study: BuiltStudy) -> ScriptedSource:
    assert study.files
    return ScriptedSource(FolderSource("in", tmp_path / "in"))


@pytest.fixture
def run(tmp_path: Path, source: ScriptedSource) -> Callable[[], Outcome]:
    def once() -> Outcome:
        job = job_of(tmp_path, JOB)
        (task,) = plan(job, source, KEY).tasks
        places = {name: ScriptedDestination() for name in task.destinations}
        pool = ScriptedPool({task.source: source}, places)
        return transfer(task, Work(job, KEY, tmp_path / "spool"), pool, lambda _: None)

    return once


@pytest.mark.parametrize(
    ("said", "words", "transient"),
    [
        ("OFFLINE", "a person must fetch", True),
        ("nearline ", "slower storage", True),
        ("UNAVAILABLE", "not there any more", False),
    ],
)
def test_a_study_on_tape_that_does_not_come_is_offline_and_tried_again_unless_it_is_gone(
    run: Callable[[], Outcome],
    source: ScriptedSource,
    study: BuiltStudy,
    said: str,
    words: str,
    *,
    transient: bool,
) -> None:
    source.availability = said
    source.lost = set(study.instance_uids)

    outcome = run()

    assert (outcome.status, outcome.reason) == (TaskStatus.FAILURE, Reason.OFFLINE)
    assert outcome.transient is transient
    assert words in outcome.message
    assert "administrator" in outcome.hint
    assert outcome.missing == tuple(study.instance_uids)


def test_a_part_that_did_come_is_delivered_with_a_warning(
    run: Callable[[], Outcome], source: ScriptedSource, study: BuiltStudy
) -> None:
    source.availability = "NEARLINE"
    source.lost = {study.instance_uids[1]}

    outcome = run()

    assert (outcome.status, outcome.reason, outcome.delivered) == (TaskStatus.WARNING, Reason.OFFLINE, 2)
    assert "1 did not arrive" in outcome.message


def test_a_request_that_breaks_off_for_a_study_on_tape_is_offline(
    run: Callable[[], Outcome], source: ScriptedSource
) -> None:
    source.availability = "OFFLINE"
    source.refuses = TransientNodeError("PACS let an answer time out.", reason=Reason.TIMEOUT)

    outcome = run()

    assert outcome.reason is Reason.OFFLINE
    assert outcome.message.startswith("PACS let an answer time out: the study is on storage")


def test_a_study_that_comes_whole_is_a_success_whatever_the_archive_says_of_it(
    run: Callable[[], Outcome], source: ScriptedSource
) -> None:
    source.availability = "OFFLINE"

    assert run().status is TaskStatus.SUCCESS


@pytest.mark.parametrize("said", ["ONLINE", "", "something"])
def test_a_study_at_hand_that_does_not_come_whole_is_incomplete(
    run: Callable[[], Outcome], source: ScriptedSource, study: BuiltStudy, said: str
) -> None:
    source.availability = said
    source.lost = {study.instance_uids[0]}

    assert run().reason is Reason.INCOMPLETE


def test_an_archive_that_refuses_the_question_has_it_at_hand(
    source: ScriptedSource, study: BuiltStudy
) -> None:
    source.no_study_level = NodeError("refused")

    assert where_is(source, study.uid) is None
    assert away_of("OFFLINE") is Away.OFFLINE

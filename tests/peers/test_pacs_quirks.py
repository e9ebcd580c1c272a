"""What archives get wrong, each as a test with an archive that does just so, from the command line.

Elsewhere: connections that end (`test_source`, `test_resume`), TLS (`test_dimse_tls`), AE titles
(`test_bad_peers`), more contexts than fit (`test_source`, `test_destination`), syntaxes that are not taken
(`test_transcode`), Pending for ever (`test_source`).
"""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.support.builders import BuiltStudy, build_study
from tests.support.program import Adit, write_job
from tests.support.quirky import QuirkyPacs

pytestmark = pytest.mark.peers


@pytest.fixture
def adit(tmp_path: Path) -> Adit:
    return Adit(tmp_path / "adit")


@pytest.fixture
def thorax(tmp_path: Path) -> BuiltStudy:
    return build_study(
        tmp_path / "pacs",
        modalities=("CT", "MR"),
        instances=2,
        patient_id="P1",
        StudyDescription="Thorax routine",
    )


@pytest.fixture
def head(tmp_path: Path) -> BuiltStudy:
    return build_study(tmp_path / "pacs", instances=2, patient_id="P2", StudyDescription="Head")


@pytest.fixture
def pacs(tmp_path: Path, thorax: BuiltStudy, head: BuiltStudy) -> Generator[QuirkyPacs]:
    assert thorax.uid != head.uid
    with QuirkyPacs(tmp_path / "pacs") as running:
        yield running


def names(folder: Path) -> set[str]:
    return {path.stem for path in folder.rglob("*.dcm")}


def test_success_although_every_sub_operation_failed_is_not_believed(
    adit: Adit, pacs: QuirkyPacs, thorax: BuiltStudy, tmp_path: Path
) -> None:
    pacs.lost = set(thorax.instance_uids)

    ended = adit("get", pacs.address, thorax.uid, "-o", tmp_path / "out")

    assert ended.code == 3, ended.err
    assert all(uid in ended.err for uid in thorax.instance_uids)
    assert names(tmp_path / "out") == set()


def test_one_bad_instance_does_not_keep_the_rest_of_its_study_away(
    adit: Adit, pacs: QuirkyPacs, thorax: BuiltStudy, tmp_path: Path
) -> None:
    bad, *good = thorax.instance_uids
    pacs.lost = {bad}

    ended = adit("get", pacs.address, thorax.uid, "-o", tmp_path / "out")

    assert ended.code == 3, ended.err
    assert bad in ended.err
    assert names(tmp_path / "out") == set(good)


def test_instances_are_found_where_queries_for_them_without_their_series_are_refused(
    adit: Adit, pacs: QuirkyPacs, thorax: BuiltStudy
) -> None:
    ended = adit("query", pacs.address, "--level", "instance", "--study-uid", thorax.uid, "--format", "uid")

    assert ended.code == 0, ended.err
    assert set(ended.out.split()) == set(thorax.instance_uids)
    assert "IMAGE" in pacs.levels()


def test_what_is_not_returned_of_a_study_is_asked_of_its_series(
    adit: Adit, pacs: QuirkyPacs, thorax: BuiltStudy
) -> None:
    pacs.hidden = {"ModalitiesInStudy", "NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances"}
    pacs.deaf_to = {"ModalitiesInStudy"}

    ended = adit("query", pacs.address, "--modality", "MR", "--format", "uid")

    assert ended.code == 0, ended.err
    assert ended.out.split() == [thorax.uid]


@pytest.mark.parametrize("option", [("--description", "thorax*"), ("--patient-id", "P1")])
def test_keys_that_are_not_matched_are_matched_here(
    adit: Adit, pacs: QuirkyPacs, thorax: BuiltStudy, option: tuple[str, str]
) -> None:
    pacs.deaf_to = {"StudyDescription", "PatientID"}

    ended = adit("query", pacs.address, *option, "--format", "uid")

    assert ended.code == 0, ended.err
    assert ended.out.split() == [thorax.uid]


def test_a_query_that_does_not_end_is_aborted_where_enough_was_found(adit: Adit, pacs: QuirkyPacs) -> None:
    pacs.endless = True

    ended = adit("query", pacs.address, "--limit", "2", "--format", "uid")

    assert ended.code == 0, ended.err
    assert len(ended.out.split()) == 2
    assert pacs.aborted.wait(60)


def test_a_study_on_tape_is_named_in_the_plan_and_in_the_end(
    adit: Adit, pacs: QuirkyPacs, thorax: BuiltStudy, tmp_path: Path
) -> None:
    pacs.availability = "OFFLINE"
    pacs.lost = set(thorax.instance_uids)
    uids = f"{{uids: [{thorax.uid}]}}"
    job = write_job(tmp_path / "job.yaml", pacs.address, [str(tmp_path / "out")], uids, "run: {attempts: 1}")

    planned = adit("plan", job, "--format", "json")
    ended = adit("transfer", job)
    status = adit("status", job, "--format", "ndjson")

    assert planned.code == 0, planned.err
    assert json.loads(planned.out)["studies"][0]["availability"] == "OFFLINE"
    assert f"a person must fetch (OFFLINE), such as {thorax.uid}" in planned.err
    assert ended.code == 3, ended.err
    assert '"offline"' in status.out

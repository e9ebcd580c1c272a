"""The studies that a query selects are those of a list gone through one by one, whatever the archive cuts."""

from __future__ import annotations

import re
from collections.abc import Generator
from datetime import date
from pathlib import Path

import pytest

from tests.support.capped import capped_archive
from tests.support.orthanc import Orthanc, orthanc
from tests.support.program import Adit, write_job
from tests.support.tiny_studies import BUSY, Tiny, tiny_studies, zipped

pytestmark = pytest.mark.peers

STUDIES = tiny_studies(2000)
SELECT = """
    query:
      study_date: 2015-01-01..2022-06-30
      modality: [CT, MR]
      study_description: "/thorax|chest/i"
      patient_age: 18..80
      institution_name: "radiology*"
      exclude: [{study_description: "* pa"}, {modality: MR, institution_name: "*South"}]
"""


def is_meant(study: Tiny) -> bool:
    """Return whether the query above means a study, said in other words."""
    age = (
        study.day.year
        - study.born.year
        - ((study.day.month, study.day.day) < (study.born.month, study.born.day))
    )
    return (
        date(2015, 1, 1) <= study.day <= date(2022, 6, 30)
        and study.modality in {"CT", "MR"}
        and re.search("thorax|chest", study.description.lower()) is not None
        and 18 <= age <= 80
        and study.institution.startswith("Radiology")
        and not study.description.endswith(" pa")
        and not (study.modality == "MR" and study.institution.endswith("South"))
    )


MEANT = {study.uid for study in STUDIES if is_meant(study)}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Generator[Orthanc]:
    with orthanc(tmp_path_factory.mktemp("archive"), options={"LimitFindResults": 100}) as server:
        server.request("POST", "/instances", zipped(STUDIES))
        yield server


def planned(folder: Path, node: str, select: str) -> tuple[int, list[str], str]:
    job = write_job(folder / "job.yaml", node, [str(folder / "out")], select)
    ended = Adit(folder / "adit")("plan", job, "--format", "uid")
    return ended.code, ended.out.split(), ended.err


def test_the_selection_has_something_to_find_and_to_leave_out() -> None:
    assert 50 < len(MEANT) < 1000
    assert sum(study.day == BUSY for study in STUDIES) > 200


def test_a_query_of_an_archive_that_ends_its_answers_early_selects_what_a_full_list_does(
    archive: Orthanc, tmp_path: Path
) -> None:
    _, uids, told = planned(tmp_path, archive.address, SELECT)

    assert archive.statistics()["CountStudies"] == len(STUDIES)
    assert len(uids) == len(set(uids))
    assert set(uids) == MEANT, told


@pytest.mark.parametrize("known", [False, True])
def test_a_query_of_an_archive_that_cuts_in_silence_selects_what_a_full_list_does(
    tmp_path: Path, *, known: bool
) -> None:
    with capped_archive([study.attributes() for study in STUDIES], 100) as capped:
        limits = ", limits: {max_results: 100}" if known else ""
        _, uids, told = planned(tmp_path, f"{capped.address}{limits}", SELECT)

    assert len(uids) == len(set(uids))
    assert set(uids) == MEANT, told


def test_more_in_half_an_hour_than_an_archive_lists_is_told_and_the_rest_is_selected(tmp_path: Path) -> None:
    studies = [study.attributes() for study in STUDIES if study.day == BUSY]
    for study in studies:
        study["StudyTime"] = "101500"
    day = f"{{query: {{study_date: {BUSY}}}}}"

    with capped_archive(studies, 100) as capped:
        _, uids, told = planned(tmp_path, capped.address, day)

    assert len(uids) == 100
    assert f"select.studies.query {BUSY} 10:00 to 10:30: incomplete" in told

"""What is found by text over DICOMweb is what is found over DIMSE, whatever a URL has to escape."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.builders import build_study
from tests.support.peers import Orthanc
from tests.support.program import Adit, write_job

pytestmark = pytest.mark.peers


@pytest.mark.parametrize(
    "key",
    [
        "PatientName=Van der Berg^An?",
        "PatientName=Müller^*",
        "StudyDescription=CT thorax*",
        "AccessionNumber=A#1",
        "PatientID=P 1",
    ],
)
def test_a_text_that_a_url_must_escape_is_found(pacs: Orthanc, tmp_path: Path, key: str) -> None:
    meant = build_study(
        tmp_path / "made",
        patient_id="P 1",
        instances=1,
        PatientName="Müller^Zoë" if "Müller" in key else "Van der Berg^Ann",
        StudyDescription="CT thorax (thin)",
        AccessionNumber="A#1",
    )
    other = build_study(tmp_path / "made", patient_id="P 11", instances=1, PatientName="Van^Ann")
    pacs.upload([*meant.files, *other.files])
    adit = Adit(tmp_path / "adit")

    over_dimse = adit("query", pacs.address, "-k", key, "--format", "uid")
    over_web = adit("query", pacs.dicomweb_url, "-k", key, "--format", "uid")

    assert over_dimse.out.split() == [meant.uid], over_dimse.err
    assert over_web.out.split() == [meant.uid], over_web.err


def test_a_row_with_a_name_finds_its_study_over_dicomweb(pacs: Orthanc, tmp_path: Path) -> None:
    meant = build_study(tmp_path / "made", instances=1, PatientName="Van der Berg^Ann")
    pacs.upload(meant.files)
    (tmp_path / "rows.csv").write_text(
        'patient_name,patient_birth_date\n"Van der Berg, Ann",1961-02-03\n', "utf-8"
    )
    job = write_job(
        tmp_path / "job.yaml", "X@localhost:1", [str(tmp_path / "out")], "{cohort: {file: rows.csv}}"
    )
    job.write_text(job.read_text().replace("{dimse: X@localhost:1}", f"{{dicomweb: {pacs.dicomweb_url}}}"))

    ended = Adit(tmp_path / "adit")("plan", job, "--format", "uid")

    assert ended.out.split() == [meant.uid], ended.err

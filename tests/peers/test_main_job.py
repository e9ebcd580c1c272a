"""The main job, end to end: studies from one Orthanc reach another one and a folder, under pseudonyms."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from pydicom import dcmread  # pyright: ignore[reportUnknownVariableType]  # pydicom's types are partial
from pydicom.dataset import Dataset

from tests.support.builders import BuiltStudy, build_study, file_tree
from tests.support.peers import Orthanc
from tests.support.program import KEY, Adit, write_job

pytestmark = pytest.mark.peers

MORE = f"""
key: "{KEY}"
pseudonyms: {{from: map, file: pseudonyms.csv}}
trial: {{protocol_id: LUNG24, protocol_name: Lung screening 2024}}
run: {{workers: 2}}
"""


class MainJob:
    """A job of some studies, its files, and its places."""

    def __init__(self, root: Path, pacs: Orthanc, research: Orthanc) -> None:
        self.pacs, self.research, self.root = pacs, research, root
        self.out = root / "out"
        self.adit = Adit(root / "adit")
        self.studies = [
            build_study(root / "made", patient_id="0001", modalities=("CT", "MR"), instances=3),
            build_study(root / "made", patient_id="0001", modalities=("CT",), instances=4),
            build_study(root / "made", patient_id="0002", modalities=("MR", "MR"), instances=2),
        ]
        for study in self.studies:
            pacs.upload(study.files)
        nodes = [research.address, str(self.out)]
        self.path = write_job(root / "job.yaml", pacs.address, nodes, "{cohort: {file: cohort.csv}}", MORE)
        (root / "pseudonyms.csv").write_text("patient_id,pseudonym\n0001,LUNG-A\n0002,LUNG-B\n")
        self.write_cohort(self.studies)

    def write_cohort(self, studies: list[BuiltStudy]) -> None:
        rows = [f"{study.patient_id},{study.accession_number}" for study in studies]
        (self.root / "cohort.csv").write_text("patient_id,accession_number\n" + "\n".join(rows) + "\n")

    def headers(self) -> list[Dataset]:
        return [dcmread(path) for path in sorted(self.out.rglob("*.dcm"))]

    def instances(self) -> int:
        return sum(len(study.files) for study in self.studies)


@pytest.fixture
def job(tmp_path: Path, pacs: Orthanc, research_pacs: Orthanc) -> MainJob:
    return MainJob(tmp_path, pacs, research_pacs)


def test_every_instance_reaches_both_destinations_as_the_same_object(job: MainJob) -> None:
    ended = job.adit("transfer", job.path)

    headers = job.headers()
    assert (ended.code, len(headers)) == (0, job.instances()), ended.err
    assert {str(ds.SOPInstanceUID) for ds in headers} == set(job.research.instances())
    for ds in headers:
        kept = job.research.file(str(ds.SOPInstanceUID))
        assert kept.endswith(bytes(ds.PixelData)) or bytes(ds.PixelData) in kept


def test_patients_go_under_their_pseudonyms_and_nothing_names_them(job: MainJob) -> None:
    job.adit("transfer", job.path)

    headers = job.headers()
    assert {(str(ds.PatientID), str(ds.PatientName)) for ds in headers} == {
        ("LUNG-A", "LUNG-A"),
        ("LUNG-B", "LUNG-B"),
    }
    assert {str(ds.ClinicalTrialProtocolID) for ds in headers} == {"LUNG24"}
    assert {str(ds.PatientIdentityRemoved) for ds in headers} == {"YES"}
    everything = b"".join(file_tree(job.out).values()) + b"".join(job.research.files().values())
    original = [uid for study in job.studies for uid in (study.uid, *study.instance_uids)]
    for identifier in (*original, "ller^Zo", "19610203", "Roe^Richard", job.studies[0].accession_number):
        assert identifier.encode() not in everything


def test_structure_of_studies_and_series_is_kept(job: MainJob) -> None:
    job.adit("transfer", job.path)

    series_of: dict[str, list[str]] = {}
    for ds in job.headers():
        series_of.setdefault(str(ds.StudyInstanceUID), []).append(str(ds.SeriesInstanceUID))
    shape = sorted(sorted(Counter(series).values()) for series in series_of.values())
    assert shape == [[2, 2], [3, 3], [4]]


def test_the_same_job_again_moves_nothing(job: MainJob) -> None:
    job.adit("transfer", job.path)
    before, times = job.research.arrivals(), {path: path.stat().st_mtime_ns for path in job.out.rglob("*")}

    ended = job.adit("transfer", job.path)

    assert ended.code == 0
    assert job.research.arrivals() == before
    assert {path: path.stat().st_mtime_ns for path in job.out.rglob("*")} == times


def test_one_row_more_moves_one_study(job: MainJob) -> None:
    job.write_cohort(job.studies[:2])
    job.adit("transfer", job.path)
    before = file_tree(job.out)

    job.write_cohort(job.studies)
    ended = job.adit("transfer", job.path, "--progress", "json")

    after = file_tree(job.out)
    assert ended.code == 0
    assert {name: after[name] for name in before} == before
    assert len(after) - len(before) == len(job.studies[2].files)
    assert len(job.research.studies()) == 3
    events = [json.loads(line) for line in (ended.out + ended.err).splitlines() if line.startswith("{")]
    assert sum("TaskEnded" in str(event) or "task-ended" in str(event) for event in events) == 1


def test_nothing_private_stays_in_the_state_folder_or_can_be_read_by_others(job: MainJob) -> None:
    ended = job.adit("transfer", job.path, "-vv")

    state = job.adit.folder / "state"
    assert not list(state.rglob("*.dcm"))
    assert all(path.stat().st_mode & 0o077 == 0 for path in (state, *state.rglob("*")))
    for private in ("Müller", "LUNG-A", "19610203", KEY):
        assert private not in ended.out + ended.err


def test_status_accounts_for_every_instance(job: MainJob) -> None:
    job.adit("transfer", job.path)

    ended = job.adit("status", job.path, "--format", "json")

    rows = json.loads(ended.out)
    assert ended.code == 0
    assert {row["status"] for row in rows} == {"success"}
    assert sum(row["delivered"] for row in rows) == job.instances()

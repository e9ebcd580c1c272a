"""Examples as they stand in `examples/pipelines`, but for the addresses, against real servers."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from pydicom import dcmread  # pyright: ignore[reportUnknownVariableType]  # pydicom's types are partial

from tests.support.builders import build_study
from tests.support.peers import Orthanc
from tests.support.program import Adit

pytestmark = pytest.mark.peers

EXAMPLES = Path(__file__).parents[2] / "examples" / "pipelines"


def example(folder: Path, name: str, addresses: dict[str, str]) -> Path:
    shutil.copytree(EXAMPLES, folder)
    path = folder / name
    text = path.read_text()
    for written, real in addresses.items():
        assert written in text
        text = text.replace(written, real)
    path.write_text(text)
    return path


def test_studies_from_a_pipe_land_in_the_folder_under_pseudonyms(tmp_path: Path, pacs: Orthanc) -> None:
    study = build_study(tmp_path / "made", patient_id="0001", modalities=("CT",), instances=3)
    other = build_study(tmp_path / "made", patient_id="0002", modalities=("MR",), instances=2)
    pacs.upload([*study.files, *other.files])
    job = example(tmp_path / "job", "uids-from-a-pipe.yaml", {"CLINICAL@pacs.example.org:104": pacs.address})
    adit = Adit(tmp_path / "adit")

    found = adit("query", pacs.address, "--modality", "CT", "--format", "uid")
    ended = adit("transfer", job, "--uids", "-", stdin=found.out)

    headers = [dcmread(path) for path in (job.parent / "incoming").rglob("*.dcm")]
    assert ended.code == 0, ended.err
    assert len(headers) == len(study.files)
    assert {ds.Modality for ds in headers} == {"CT"}
    assert all("0001" not in str(ds.PatientID) for ds in headers)


def test_cohort_reaches_the_research_pacs_under_the_pseudonyms_of_the_map(
    tmp_path: Path, pacs: Orthanc, research_pacs: Orthanc
) -> None:
    numbers = {"0004711": "A240112007", "0004712": "A240115012", "0004713": "A240120003"}
    for patient_id, accession in numbers.items():
        study = build_study(
            tmp_path / "made",
            patient_id=patient_id,
            AccessionNumber=accession,
            modalities=("CT",),
            instances=20,
        )
        pacs.upload(study.files)
    clinical = f"{{ae_title: {pacs.ae_title}, host: 127.0.0.1, port: {pacs.port}}}"
    job = example(
        tmp_path / "job",
        "cohort-to-research.yaml",
        {
            "{ae_title: CLINICAL, host: pacs.example.org, port: 104}": clinical,
            "RESEARCH@research.example.org:11112": research_pacs.address,
        },
    )

    ended = Adit(tmp_path / "adit")("transfer", job)

    headers = [dcmread(path) for path in _fetched(research_pacs, tmp_path)]
    assert ended.code == 0, ended.err
    assert len(headers) == 20 * len(numbers)
    assert {str(ds.PatientID) for ds in headers} == {"LUNG-001", "LUNG-002", "LUNG-003"}
    assert {str(ds.StudyDescription) for ds in headers} == {"CHEST CT"}


def test_mr_series_become_volumes_in_folders_like_those_of_bids(tmp_path: Path, pacs: Orthanc) -> None:
    study = build_study(
        tmp_path / "made",
        patient_id="0004711",
        modalities=("MR", "MR"),
        instances=12,
        size=16,
        StudyDate="20240214",
        StudyDescription="MR head",
        PatientName="Zacharias^Zoe",
    )
    pacs.upload(study.files)
    clinical = f"{{ae_title: {pacs.ae_title}, host: 127.0.0.1, port: {pacs.port}}}"
    addresses = {"CLINICAL@pacs.example.org:104": clinical}
    job = example(tmp_path / "job", "nifti-like-bids.yaml", addresses)
    adit = Adit(tmp_path / "adit")

    ended = adit("transfer", job, "--progress", "none")

    root = job.parent / "bids"
    names = sorted(str(path.relative_to(root)) for path in root.rglob("sub-*.*"))
    sidecar = json.loads(next(root.rglob("*.json")).read_text())
    status = json.loads(adit("status", "nifti-like-bids", "--format", "json").out)
    assert ended.code == 0, ended.err
    assert [re.sub(r"-[A-Z0-9]{8}(?=[/_])", "-X", name) for name in names] == [
        f"sub-X/ses-X/MR/sub-X_ses-X_run-{run}_MR axial{ending}"
        for run in ("001", "002")
        for ending in (".json", ".nii.gz")
    ]
    assert names[0].startswith(f"sub-{sidecar['PatientID']}/")
    assert not any(hidden in str(sidecar) for hidden in ("0004711", "Zoe", study.uid, study.series[0].uid))
    assert str(status).count("is 1 volume") == 2
    checked = subprocess.run(["sha256sum", "-c", *root.rglob("*.sha256")], cwd=root, check=False)
    assert checked.returncode == 0


def _fetched(server: Orthanc, folder: Path) -> list[Path]:
    paths: list[Path] = []
    for uid in server.instances():
        path = folder / f"{uid}.dcm"
        path.write_bytes(server.file(uid))
        paths.append(path)
    return paths

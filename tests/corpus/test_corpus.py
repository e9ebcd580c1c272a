"""Real files, well-formed, odd and broken: all go through Orthanc and back, and each is accounted for."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import TypedDict, cast

import pytest

from adit_cli.deid.spec import DeidSpec
from tests.support.builders import file_tree
from tests.support.corpus import CORPUS, read_manifest, silently_left_out
from tests.support.orthanc import Orthanc, Resource, orthanc
from tests.support.process import PeerError
from tests.support.program import KEY, Adit, Ended, write_job

PSEUDONYMS = f'key: "{KEY}"\npseudonyms: {{from: key}}\nrun: {{workers: 2, attempts: 1}}'
LONG_ENOUGH = 6
"""Identifiers shorter than this are found by chance in pixels."""


class Account(TypedDict):
    """What `adit status` says of a task."""

    study_uid: str
    status: str
    expected: int
    received: int
    delivered: int
    withheld: int
    rejected: int


@pytest.fixture(scope="module")
def manifest() -> list[dict[str, str]]:
    return read_manifest()


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory, manifest: list[dict[str, str]]) -> Generator[Orthanc]:
    """An Orthanc that holds all of the corpus that an Orthanc takes."""
    with orthanc(tmp_path_factory.mktemp("corpus")) as server:
        refused = [row["path"] for row in manifest if not _taken(server, CORPUS / row["path"])]
        assert len(refused) < len(manifest) // 4, refused
        for patient in _patients_with_illegal_uids(server):
            server.request("DELETE", f"/patients/{patient}")
        yield server


def _patients_with_illegal_uids(server: Orthanc) -> set[str]:
    """Orthanc takes a study whose UID is a hash in hexadecimal; we refuse to ask for such a one by name."""
    return {
        study.get("ParentPatient", "")
        for study in server.found("Study")
        if not study["MainDicomTags"]["StudyInstanceUID"].replace(".", "").isdigit()
    }


def _taken(server: Orthanc, file: Path) -> bool:
    try:
        server.upload([file])
    except PeerError:
        return False
    return True


@pytest.fixture(scope="module")
def transferred(
    tmp_path_factory: pytest.TempPathFactory, loaded: Orthanc
) -> Generator[tuple[Adit, Path, Path, Orthanc, Ended]]:
    """The whole corpus moved to a second Orthanc and a folder, under pseudonyms."""
    root = tmp_path_factory.mktemp("transferred")
    with orthanc(root / "research", ae_title="RESEARCH") as research:
        uids = "{uids: [" + ", ".join(loaded.studies()) + "]}"
        job = write_job(
            root / "job.yaml", loaded.address, [research.address, str(root / "out")], uids, PSEUDONYMS
        )
        adit = Adit(root / "adit")
        yield adit, job, root / "out", research, adit("transfer", job, "--progress", "none")


def accounts(adit: Adit, job: Path) -> list[Account]:
    return json.loads(adit("status", job, "--format", "json").out)


def test_every_file_that_is_sent_arrives_or_is_named(tmp_path: Path, research_pacs: Orthanc) -> None:
    (tmp_path / "adit.yaml").write_text(
        f"nodes: {{research: {{dimse: {{ae_title: {research_pacs.ae_title}, host: 127.0.0.1,"
        f" port: {research_pacs.port}, timeouts: {{dimse: 4}}}}}}}}\n"
    )
    ended = Adit(tmp_path)("send", "research", CORPUS, "--progress", "none")

    arrived = research_pacs.instances()
    assert ended.code == 3, ended.err
    assert len(arrived) >= 100, ended.err
    assert silently_left_out(arrived, ended.err) == []


def test_every_instance_of_the_pacs_comes_back_or_is_named(tmp_path: Path, loaded: Orthanc) -> None:
    adit = Adit(tmp_path / "adit")

    found = adit("query", loaded.address, "--format", "uid")
    ended = adit("get", loaded.address, "-", "-o", tmp_path / "out", "--progress", "none", stdin=found.out)

    missing = set(loaded.instances()) - {path.stem for path in (tmp_path / "out").rglob("*.dcm")}
    assert set(found.out.split()) == set(loaded.studies())
    assert ended.code == (3 if missing else 0), ended.err
    assert len(missing) <= 2
    assert all(uid in ended.err for uid in missing), ended.err


def test_every_study_of_a_pseudonymised_transfer_is_accounted_for(
    loaded: Orthanc, transferred: tuple[Adit, Path, Path, Orthanc, Ended]
) -> None:
    adit, job, out, research, ended = transferred

    tasks = accounts(adit, job)
    failed = adit("status", job, "--failed").out
    let_in = instances_let_in(loaded)
    assert ended.code == 3, ended.err
    for study in loaded.studies():
        (task,) = [task for task in tasks if task["study_uid"] == study] or [None]
        assert task is not None or study in failed, f"{study} is not accounted for"
        assert task is None or task["expected"] == let_in[study]
    for task in tasks:
        assert task["received"] == task["delivered"] + task["withheld"] + task["rejected"]
    delivered = sum(task["delivered"] for task in tasks)
    assert (
        len(list(out.rglob("*.dcm")))
        == len(research.instances())
        == delivered
        >= len(loaded.instances()) // 2
    )


def instances_let_in(server: Orthanc) -> Counter[str]:
    """Return how many instances each study has in series whose modality leaves by default."""
    instances = Counter[str]()
    for study in server.found("Study"):
        for series in study.get("Series", []):
            told = cast("Resource", server.json(f"/series/{series}"))
            if told["MainDicomTags"].get("Modality") not in DeidSpec().excluded:
                instances[study["MainDicomTags"]["StudyInstanceUID"]] += len(told.get("Instances", []))
    return instances


def test_nothing_that_left_names_a_patient_or_an_original_uid(
    manifest: list[dict[str, str]], transferred: tuple[Adit, Path, Path, Orthanc, Ended]
) -> None:
    out = transferred[2]

    everything = b"\n".join(file_tree(out).values())
    keys = ("patient_id", "study_uid", "series_uid", "sop_uid")
    originals = {row[key] for row in manifest for key in keys if len(row[key]) >= LONG_ENOUGH}
    assert [value for value in originals if value.encode() in everything] == []


def test_the_same_transfer_again_moves_nothing(transferred: tuple[Adit, Path, Path, Orthanc, Ended]) -> None:
    adit, job, out, research, first = transferred
    before, changes = file_tree(out), research.arrivals()

    again = adit("transfer", job, "--progress", "none")

    assert again.code == first.code
    assert file_tree(out) == before
    assert research.arrivals() == changes

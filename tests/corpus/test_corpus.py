"""Real files, well-formed, odd and broken: all go through Orthanc and back, and each is accounted for."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import TypedDict

import pytest

from tests.support.builders import file_tree
from tests.support.orthanc import Orthanc, orthanc
from tests.support.process import PeerError
from tests.support.program import KEY, Adit, Ended, write_job

CORPUS = Path(os.environ.get("ADIT_TEST_CORPUS", ".")).resolve()
PSEUDONYMS = f'key: "{KEY}"\npseudonyms: {{from: key}}\nrun: {{workers: 2, attempts: 1}}'
LONG_ENOUGH = 6
"""Identifiers shorter than this are found by chance in pixels."""


class Account(TypedDict):
    """What `adit status` says of a task."""

    status: str
    expected: int
    received: int
    delivered: int
    withheld: int
    rejected: int


@pytest.fixture(scope="module")
def manifest() -> list[dict[str, str]]:
    with (CORPUS / "MANIFEST.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory, manifest: list[dict[str, str]]) -> Generator[Orthanc]:
    """An Orthanc that holds all of the corpus that an Orthanc takes."""
    with orthanc(tmp_path_factory.mktemp("corpus")) as server:
        refused = [row["path"] for row in manifest if not _taken(server, CORPUS / row["path"])]
        assert len(refused) < len(manifest) // 4, refused
        yield server


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


def test_every_file_that_is_sent_arrives_or_is_named(
    tmp_path: Path, manifest: list[dict[str, str]], research_pacs: Orthanc
) -> None:
    ended = Adit(tmp_path)("send", research_pacs.address, CORPUS, "--progress", "none")

    arrived = research_pacs.instances()
    silent = [
        row["path"]
        for row in manifest
        if row["sop_uid"] not in arrived
        and Path(row["path"]).name not in ended.err
        and row["sop_uid"] not in ended.err
    ]
    assert ended.code == 3, ended.err
    assert len(arrived) >= 100, ended.err
    assert not silent


def test_every_instance_of_the_pacs_comes_back(tmp_path: Path, loaded: Orthanc) -> None:
    adit = Adit(tmp_path / "adit")

    found = adit("query", loaded.address, "--format", "uid")
    ended = adit("get", loaded.address, "-", "-o", tmp_path / "out", "--progress", "none", stdin=found.out)

    got = {path.stem for path in (tmp_path / "out").rglob("*.dcm")}
    assert set(found.out.split()) == set(loaded.studies())
    assert (ended.code, set(loaded.instances()) - got) == (0, set()), ended.err


def test_every_instance_of_a_pseudonymised_transfer_is_accounted_for(
    loaded: Orthanc, transferred: tuple[Adit, Path, Path, Orthanc, Ended]
) -> None:
    adit, job, out, research, ended = transferred

    tasks = accounts(adit, job)
    delivered = sum(task["delivered"] for task in tasks)
    assert ended.code in {0, 3}, ended.err
    assert sum(task["expected"] for task in tasks) == len(loaded.instances())
    for task in tasks:
        assert task["received"] == task["delivered"] + task["withheld"] + task["rejected"]
    assert len(list(out.rglob("*.dcm"))) >= delivered >= len(loaded.instances()) * 3 // 4
    assert len(research.instances()) >= delivered


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

from __future__ import annotations

import os
from pathlib import Path

import pytest

from adit_cli.dicom.query import Level
from adit_cli.errors import Reason
from adit_cli.nodes import packed
from adit_cli.nodes.base import Arrival, InstanceRef, RetrieveRequest
from adit_cli.nodes.folder import FolderSource
from tests.support.builders import BuiltStudy, build_study
from tests.support.packing import TAR_MODES, pack


@pytest.fixture
def study(tmp_path: Path) -> BuiltStudy:
    return build_study(tmp_path / "made", patient_id="P1", modalities=("CT", "MR"), instances=2)


def content(study: BuiltStudy) -> dict[str, bytes]:
    return {f"{number}": path.read_bytes() for number, path in enumerate(study.files)}


def fetched(
    source: FolderSource, study: BuiltStudy, spool: Path, instances: tuple[InstanceRef, ...] = ()
) -> tuple[list[Arrival], dict[str, Reason]]:
    spool.mkdir(exist_ok=True)
    arrivals: list[Arrival] = []
    request = RetrieveRequest(study.uid, instances=instances)
    failed = source.retrieve(request, spool, arrivals.append)
    return arrivals, {one.uid: one.reason for one in failed}


@pytest.mark.parametrize("suffix", [".zip", *TAR_MODES])
def test_a_study_in_an_archive_is_found_and_fetched_byte_for_byte(
    tmp_path: Path, study: BuiltStudy, suffix: str
) -> None:
    pack(tmp_path / "in" / "deep" / f"disc{suffix}", {"../../readme.txt": b"hello", **content(study)})
    source = FolderSource("in", tmp_path / "in")

    (found,) = source.find(Level.STUDY, {"PatientID": "P1", "Rows": "", "NumberOfStudyRelatedInstances": ""})
    arrivals, failed = fetched(source, study, tmp_path / "spool")

    assert (found["StudyInstanceUID"], found["Rows"]) == (study.uid, "8")
    assert found["NumberOfStudyRelatedInstances"] == "4"
    assert not failed
    assert {one.uid: one.path.read_bytes() for one in arrivals} == dict(
        zip(study.instance_uids, content(study).values(), strict=True)
    )
    assert sorted((tmp_path / "spool").iterdir()) == sorted(one.path for one in arrivals)
    assert {one.path.stat().st_mode & 0o777 for one in arrivals} == {0o600}
    assert source.notes() == ["in: 1 files are not DICOM images and were skipped"]


def test_only_what_is_asked_for_comes_out(tmp_path: Path, study: BuiltStudy) -> None:
    pack(tmp_path / "in" / "disc.zip", content(study))
    wanted = InstanceRef(study.uid, study.series[1].uid, study.instance_uids[3])

    arrivals, failed = fetched(FolderSource("in", tmp_path / "in"), study, tmp_path / "spool", (wanted,))

    assert [one.uid for one in arrivals] == [study.instance_uids[3]]
    assert not failed


def test_a_file_that_is_there_loose_and_in_two_archives_comes_once(tmp_path: Path, study: BuiltStudy) -> None:
    pack(tmp_path / "in" / "a.zip", content(study))
    pack(tmp_path / "in" / "b.tar", content(study))
    (tmp_path / "in" / "loose").write_bytes(study.files[0].read_bytes())

    arrivals, failed = fetched(FolderSource("in", tmp_path / "in"), study, tmp_path / "spool")

    assert sorted(one.uid for one in arrivals) == sorted(study.instance_uids)
    assert not failed
    assert len(list((tmp_path / "spool").iterdir())) == 4


def test_files_that_claim_to_be_one_instance_and_differ_are_a_mismatch(
    tmp_path: Path, study: BuiltStudy
) -> None:
    pack(tmp_path / "in" / "a.zip", content(study))
    pack(tmp_path / "in" / "b.zip", {"0": study.files[0].read_bytes()[:-1] + b"\xff"})

    arrivals, failed = fetched(FolderSource("in", tmp_path / "in"), study, tmp_path / "spool")

    assert failed == {study.instance_uids[0]: Reason.MISMATCH}
    assert len(arrivals) == 3
    assert len(list((tmp_path / "spool").iterdir())) == 3


def test_an_archive_that_was_damaged_since_names_what_it_lost(tmp_path: Path, study: BuiltStudy) -> None:
    archive = pack(tmp_path / "in" / "a.tar", content(study))
    source = FolderSource("in", tmp_path / "in")
    source.find(Level.STUDY, {})
    os.truncate(archive, archive.stat().st_size // 2)

    arrivals, failed = fetched(source, study, tmp_path / "spool")

    assert 0 < len(arrivals) < 4
    assert {one.uid for one in arrivals} | failed.keys() == set(study.instance_uids)
    assert set(failed.values()) == {Reason.REJECTED}
    assert sorted((tmp_path / "spool").iterdir()) == sorted(one.path for one in arrivals)


def test_an_archive_in_an_archive_is_named_and_not_opened(tmp_path: Path, study: BuiltStudy) -> None:
    inner = pack(tmp_path / "made" / "inner.zip", content(study)).read_bytes()
    pack(tmp_path / "in" / "outer.tar.gz", {"a/INNER.ZIP": inner, "image.zip": study.files[0].read_bytes()})

    source = FolderSource("in", tmp_path / "in")

    assert source.notes() == [
        "in: 1 archives lie in archives and were not opened; unpack the outer ones: outer.tar.gz, file 1"
    ]
    assert len(source.find(Level.IMAGE, {"StudyInstanceUID": study.uid})) == 1


def test_archives_and_files_in_them_that_cannot_be_read_are_noted(tmp_path: Path, study: BuiltStudy) -> None:
    pack(tmp_path / "in" / "good.zip", {"cut": study.files[0].read_bytes()[:300], "1": b"text"})
    (tmp_path / "in" / "bad.zip").write_bytes(b"no zip")

    (skipped, broken) = FolderSource("in", tmp_path / "in").notes()

    assert "1 files are not DICOM" in skipped
    assert "2 files are broken: bad.zip (is damaged, or packed in a way that cannot be read)" in broken
    assert "good.zip, file 1" in broken


@pytest.mark.parametrize("look", range(132, 1200, 40))
def test_attributes_are_found_wherever_the_first_look_ends(
    tmp_path: Path, study: BuiltStudy, monkeypatch: pytest.MonkeyPatch, look: int
) -> None:
    monkeypatch.setattr(packed, "_FIRST_LOOK", look)
    pack(tmp_path / "in" / "a.zip", content(study))

    arrivals, _ = fetched(FolderSource("in", tmp_path / "in"), study, tmp_path / "spool")

    assert len(arrivals) == 4

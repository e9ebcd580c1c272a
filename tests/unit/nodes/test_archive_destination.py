from __future__ import annotations

import os
from pathlib import Path

import pytest

from adit_cli.cli.description import describe
from adit_cli.errors import NodeError, Reason
from adit_cli.nodes import open_destination, packing, storage
from adit_cli.nodes.aside import STAGING
from adit_cli.nodes.base import Delivered
from adit_cli.tasks.identity import TaskKeys
from adit_cli.tasks.task import TransferTask
from tests.support.archive_delivery import LAYOUT, content, deliver, packed_as
from tests.support.builders import BuiltStudy, build_study, file_tree
from tests.support.folder_delivery import archive_destination, deliver_to
from tests.support.jobfiles import job_text, read_job
from tests.support.packing import pack

ZIP = packed_as({"format": "zip"})
PER_PATIENT = packed_as({"format": "zip", "per": "patient"})


@pytest.fixture
def study(tmp_path: Path) -> BuiltStudy:
    return build_study(tmp_path / "in", patient_id="P1", instances=3)


def named(study: BuiltStudy) -> dict[str, bytes]:
    return {
        f"{study.patient_id}/{study.uid}/{uid}.dcm": path.read_bytes()
        for uid, path in zip(study.instance_uids, study.files, strict=True)
    }


def reasons(told: list[Delivered]) -> dict[str, Reason | None]:
    return {one.uid: one.reason for one in told if not one.accepted}


def test_a_study_becomes_one_archive(tmp_path: Path, study: BuiltStudy) -> None:
    told = deliver(tmp_path / "out", study.files, ZIP)

    (path,) = (tmp_path / "out").iterdir()
    assert path.name == f"{study.uid}.zip"
    assert path.stat().st_mode & 0o777 == 0o600
    assert content(path) == named(study)
    assert {one.uid for one in told} == set(study.instance_uids)
    assert not reasons(told)


def test_the_same_study_again_leaves_the_archive_alone(tmp_path: Path, study: BuiltStudy) -> None:
    deliver(tmp_path / "out", study.files, ZIP)
    (path,) = (tmp_path / "out").iterdir()
    before = path.stat()

    told = deliver(tmp_path / "out", study.files, ZIP, "another task")

    assert not reasons(told)
    assert len(told) == 3
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_further_files_are_added_to_what_is_there(tmp_path: Path, study: BuiltStudy) -> None:
    deliver(tmp_path / "out", study.files[:1], ZIP)

    told = deliver(tmp_path / "out", study.files, ZIP)

    assert not reasons(told)
    assert content(tmp_path / "out" / f"{study.uid}.zip") == named(study)


def test_other_content_is_never_written_over(tmp_path: Path, study: BuiltStudy) -> None:
    deliver(tmp_path / "out", study.files[:2], ZIP)
    first = named(study)
    data = bytearray(study.files[0].read_bytes())
    data[-1] ^= 1
    study.files[0].write_bytes(data)

    told = deliver(tmp_path / "out", study.files, ZIP)

    assert reasons(told) == {study.instance_uids[0]: Reason.MISMATCH}
    assert content(tmp_path / "out" / f"{study.uid}.zip") == first


def test_a_file_that_is_no_archive_is_left_alone(tmp_path: Path, study: BuiltStudy) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / f"{study.uid}.zip").write_bytes(b"mine")

    told = deliver(tmp_path / "out", study.files, ZIP)

    assert set(reasons(told).values()) == {Reason.MISMATCH}
    assert len(told) == 3
    assert file_tree(tmp_path / "out") == {f"{study.uid}.zip": b"mine"}


def test_an_archive_of_somebody_else_cannot_write_elsewhere(tmp_path: Path, study: BuiltStudy) -> None:
    target = pack(tmp_path / "out" / f"{study.uid}.zip", {"../../../../escaped": b"x"})
    before = target.read_bytes()

    with pytest.raises(NodeError, match="not made by this program"):
        deliver(tmp_path / "out", study.files, ZIP)

    assert target.read_bytes() == before
    assert not list(tmp_path.rglob("escaped"))


def test_a_folder_with_archive_is_opened_as_one_and_is_another_result(tmp_path: Path) -> None:
    text = job_text(destinations=f"[{{folder: {tmp_path / 'out'}{{}}}}]")
    plain, zipped = (read_job(tmp_path, text.replace("{}", form)) for form in ("", ", archive: zip"))
    (name,) = zipped.destinations

    opened = open_destination(name, zipped.node(name), "ADIT")

    (one,) = build_study(tmp_path / "in", instances=1).files
    deliver_to(opened, [one])
    assert [path.suffix for path in (tmp_path / "out").iterdir()] == [".zip"]
    task = TransferTask("", "1.2.3", "clinical", (name,))
    assert TaskKeys(plain, b"key").key_of(task) != TaskKeys(zipped, b"key").key_of(task)
    assert "one zip archive a study, in it filed as" in " ".join(describe(zipped).split())


def test_an_archive_that_appears_in_between_is_left_alone(
    tmp_path: Path, study: BuiltStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = packing.put

    def put(staged: Path, target: Path) -> bool:
        target.write_bytes(b"theirs")
        return real(staged, target)

    monkeypatch.setattr(packing, "put", put)

    told = deliver(tmp_path / "out", study.files, ZIP)

    assert set(reasons(told).values()) == {Reason.MISMATCH}
    assert file_tree(tmp_path / "out") == {f"{study.uid}.zip": b"theirs"}


def test_all_studies_of_a_patient_go_into_one_archive(tmp_path: Path, study: BuiltStudy) -> None:
    other = build_study(tmp_path / "in", patient_id="P1", instances=2)
    third = build_study(tmp_path / "in", patient_id="P2", instances=1)

    for number, one in enumerate((study, other, third)):
        deliver(tmp_path / "out", one.files, PER_PATIENT, str(number))

    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["P1.zip", "P2.zip"]
    assert content(tmp_path / "out" / "P1.zip") == named(study) | named(other)


def test_nothing_is_seen_before_the_archive_is_whole(
    tmp_path: Path, study: BuiltStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    real = packing.flush

    def flush(paths: list[Path]) -> None:
        seen.append(sorted(path.name for path in (tmp_path / "out").iterdir()))
        real(paths)

    monkeypatch.setattr(packing, "flush", flush)

    deliver(tmp_path / "out", study.files, ZIP)

    assert seen == [[STAGING], [STAGING, f"{study.uid}.zip"]]


def test_the_archive_is_flushed_before_it_is_told(
    tmp_path: Path, study: BuiltStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[int] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        flushed.append(os.fstat(descriptor).st_ino)
        real(descriptor)

    monkeypatch.setattr(storage.os, "fsync", fsync)

    deliver(tmp_path / "out", study.files, ZIP)

    assert {path.stat().st_ino for path in (tmp_path / "out", *(tmp_path / "out").iterdir())} <= set(flushed)


def test_an_abandoned_study_leaves_nothing(tmp_path: Path) -> None:
    delivery = archive_destination(tmp_path / "out", LAYOUT, ZIP).begin("task")

    assert delivery.finish() == []
    delivery.abandon()
    assert list((tmp_path / "out").iterdir()) == []


def test_a_root_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")

    with pytest.raises(NodeError, match="is not a folder"):
        archive_destination(tmp_path / "out", LAYOUT, ZIP).begin("task")


@pytest.mark.parametrize("written", [{"format": "7z"}, {"format": "zip", "password": "s3cret"}])
def test_without_the_program_nothing_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: object
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("ADIT_7ZZ", raising=False)

    with pytest.raises(NodeError, match="7zz"):
        archive_destination(tmp_path / "out", LAYOUT, packed_as(written)).begin("task")

    assert not (tmp_path / "out").exists()

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from adit_cli.dicom.query import Level
from adit_cli.errors import DiskFullError, Reason
from adit_cli.nodes import measure, packed
from adit_cli.nodes.base import Arrival, InstanceRef, RetrieveRequest
from adit_cli.nodes.folder import FolderSource
from adit_cli.nodes.nested import DEEPEST, Opening
from tests.support.builders import BuiltStudy, build_study, file_tree
from tests.support.disk import at_most
from tests.support.packing import TAR_MODES, pack, packed_up


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
    assert source.notes() == ["in: skipped 1 file without a DICOM image"]


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


def test_a_file_whose_meta_information_names_another_instance_counts_as_what_it_is(
    tmp_path: Path, study: BuiltStudy
) -> None:
    files = content(study)
    one, other = (uid.encode() for uid in study.instance_uids[:2])
    files["0"] = files["0"].replace(one, other[: len(one)].ljust(len(one), b"\0"), 1)
    pack(tmp_path / "in" / "a.zip", files)

    arrivals, failed = fetched(FolderSource("in", tmp_path / "in"), study, tmp_path / "spool")

    assert sorted(one.uid for one in arrivals) == sorted(study.instance_uids)
    assert not failed


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


def test_one_damaged_file_in_a_zip_keeps_none_of_the_others_away(tmp_path: Path, study: BuiltStudy) -> None:
    archive = tmp_path / "in" / "a.zip"
    archive.parent.mkdir()
    with zipfile.ZipFile(archive, "w") as plain:
        for name, data in content(study).items():
            plain.writestr(name, data)
    data = archive.read_bytes()
    second = study.files[1].read_bytes()
    archive.write_bytes(data.replace(second, second[:-1] + bytes([second[-1] ^ 1])))
    source = FolderSource("in", tmp_path / "in")

    arrivals, failed = fetched(source, study, tmp_path / "spool")

    assert len(source.find(Level.IMAGE, {"StudyInstanceUID": study.uid})) + len(source.unread()) == 4
    whole = {uid for uid in study.instance_uids if uid != study.instance_uids[1]}
    assert {one.uid for one in arrivals} == whole
    assert failed in ({}, {study.instance_uids[1]: Reason.REJECTED})


def inner_archive(folder: Path, suffix: str, files: dict[str, bytes]) -> bytes:
    """Return an archive as the bytes that lie in another one."""
    return pack(folder / f"inner{suffix}", files).read_bytes()


@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz"])
def test_archives_in_archives_are_read_as_one_and_leave_nothing_behind(
    tmp_path: Path, study: BuiltStudy, suffix: str
) -> None:
    files = content(study)
    made, aside = tmp_path / "made", tmp_path / "aside"
    deepest = inner_archive(made, suffix, {"../3": files["3"], "note.txt": b"hello"})
    middle = inner_archive(made, ".zip", {f"deep/again{suffix}": deepest, "2": files["2"]})
    pack(tmp_path / "in" / "outer.tar.gz", {"a/INNER.ZIP": middle, "1": files["1"], "image.zip": files["0"]})
    source = FolderSource("in", tmp_path / "in", opening=Opening(aside=aside))

    (found,) = source.find(Level.STUDY, {"Rows": "", "NumberOfStudyRelatedInstances": ""})
    arrivals, failed = fetched(source, study, tmp_path / "spool")

    assert (found["NumberOfStudyRelatedInstances"], found["Rows"]) == ("4", "8")
    assert not failed
    assert {one.uid: one.path.read_bytes() for one in arrivals} == dict(
        zip(study.instance_uids, files.values(), strict=True)
    )
    assert source.notes() == ["in: skipped 1 file without a DICOM image"]
    assert sorted((tmp_path / "spool").iterdir()) == sorted(one.path for one in arrivals)
    assert file_tree(aside) == {}


def test_an_attribute_of_a_file_in_an_inner_archive_is_looked_up_there(
    tmp_path: Path, study: BuiltStudy
) -> None:
    files = content(study)
    inner = inner_archive(tmp_path / "made", ".zip", {"0": files["0"], "2": files["2"]})
    pack(tmp_path / "in" / "outer.zip", {"other.zip": b"no zip", "inner.zip": inner})
    source = FolderSource("in", tmp_path / "in")

    found = source.find(Level.IMAGE, {"StudyInstanceUID": study.uid, "Rows": "", "Modality": ""})

    assert sorted((one["Modality"], one["Rows"]) for one in found) == [("CT", "8"), ("MR", "8")]


def test_an_archive_in_too_many_others_is_named_and_counted_as_skipped(
    tmp_path: Path, study: BuiltStudy
) -> None:
    deepest = packed_up(tmp_path / "made", {"0": study.files[0].read_bytes()}, DEEPEST)
    pack(tmp_path / "in" / "outer.zip", {**deepest, "1": study.files[1].read_bytes()})

    source = FolderSource("in", tmp_path / "in")

    (skipped, nested) = source.notes()

    assert skipped == "in: skipped 1 file without a DICOM image"
    assert nested.startswith("in: did not open 1 archive in too many others; unpack the outer ones")
    assert nested.endswith("outer.zip, file 1, file 1, file 1")
    assert len(source.find(Level.IMAGE, {"StudyInstanceUID": study.uid})) == 1


def test_a_broken_inner_archive_is_named_and_the_rest_is_read(tmp_path: Path, study: BuiltStudy) -> None:
    whole = inner_archive(tmp_path / "made", ".tar", content(study))
    pack(tmp_path / "in" / "outer.zip", {"cut.tar": whole[: len(whole) // 2], "3": content(study)["3"]})

    source = FolderSource("in", tmp_path / "in")
    (note,) = source.notes()

    damaged = "outer.zip, file 1 (is damaged, or packed in a way that cannot be read)"
    assert note == f"in: could not read 2 files: outer.zip, file 1, file 3; {damaged}"
    assert 1 < len(source.find(Level.IMAGE, {"StudyInstanceUID": study.uid})) < 4


def test_an_inner_archive_that_its_archive_does_not_hold_whole_is_named(
    tmp_path: Path, study: BuiltStudy
) -> None:
    inner = inner_archive(tmp_path / "made", ".tar", content(study))
    outer = pack(tmp_path / "in" / "outer.zip", {"inner.tar": inner, "3": content(study)["3"]})
    damaged = bytearray(outer.read_bytes())
    damaged[200] ^= 0xFF
    outer.write_bytes(damaged)

    source = FolderSource("in", tmp_path / "in")

    assert source.notes() == ["in: could not read 1 file: outer.zip, file 1 (cannot be read to its end)"]
    assert len(source.find(Level.IMAGE, {"StudyInstanceUID": study.uid})) == 1


def test_a_disk_that_is_full_of_an_inner_archive_ends_the_look(tmp_path: Path, study: BuiltStudy) -> None:
    inner = inner_archive(tmp_path / "made", ".tar", content(study))
    pack(tmp_path / "in" / "outer.zip", {"inner.tar": inner})
    source = FolderSource("in", tmp_path / "in", opening=Opening(aside=tmp_path / "aside"))

    with at_most(1000), pytest.raises(DiskFullError, match="temporary files"):
        source.notes()

    assert file_tree(tmp_path / "aside") == {}


def test_what_lies_in_inner_archives_counts_with_the_outer_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, study: BuiltStudy
) -> None:
    monkeypatch.setattr(measure, "ALLOWANCE", 1 << 20)
    inner = inner_archive(tmp_path / "made", ".zip", {"zeros": bytes(300_000)})
    pack(tmp_path / "in" / "outer.zip", {f"{number}.zip": inner for number in range(5)} | content(study))

    (skipped, broken) = FolderSource("in", tmp_path / "in").notes()

    assert "skipped 3 files" in skipped
    assert "could not read 2 files: outer.zip, file 4 (would unpack to more than 200 times" in broken
    assert "left alone" in broken


def test_archives_and_files_in_them_that_cannot_be_read_are_noted(tmp_path: Path, study: BuiltStudy) -> None:
    pack(tmp_path / "in" / "good.zip", {"cut": study.files[0].read_bytes()[:300], "1": b"text"})
    (tmp_path / "in" / "bad.zip").write_bytes(b"no zip")

    (skipped, broken) = FolderSource("in", tmp_path / "in").notes()

    assert "skipped 1 file " in skipped
    assert "could not read 2 files: bad.zip (is damaged, or packed in a way that cannot be read)" in broken
    assert "good.zip, file 1" in broken


@pytest.mark.parametrize("look", range(132, 1200, 40))
def test_attributes_are_found_wherever_the_first_look_ends(
    tmp_path: Path, study: BuiltStudy, monkeypatch: pytest.MonkeyPatch, look: int
) -> None:
    monkeypatch.setattr(packed, "_FIRST_LOOK", look)
    pack(tmp_path / "in" / "a.zip", content(study))

    arrivals, _ = fetched(FolderSource("in", tmp_path / "in"), study, tmp_path / "spool")

    assert len(arrivals) == 4

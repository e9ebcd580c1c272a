"""What a DICOMDIR names: missed in a source where it isn't there, and written at a destination."""

from __future__ import annotations

import gc
import re
import warnings
import zipfile
from pathlib import Path

import pytest
from pydantic import ValidationError
from pydicom import dcmread  # pyright: ignore[reportUnknownVariableType]  # pydicom's types are partial
from pydicom.fileset import FileSet

from adit_cli.dicom.directory import listed
from adit_cli.dicom.query import Level
from adit_cli.errors import NodeError, Reason
from adit_cli.jobfile.node import FolderNode
from adit_cli.nodes import open_destination
from adit_cli.nodes.base import Arrival, Delivered, RetrieveRequest
from adit_cli.nodes.folder import FolderSource
from tests.support.builders import BuiltStudy, build_study, file_tree, write_part10
from tests.support.folder_delivery import deliver_to
from tests.support.packing import pack


def deliver(root: Path, files: list[Path], **written: object) -> list[Delivered]:
    node = FolderNode.model_validate({"folder": root, "dicomdir": True, **written})
    return deliver_to(open_destination("out", node, "ADIT"), files)


def names(directory: Path) -> dict[str, str]:
    return {one.values["SOPInstanceUID"]: one.file for one in listed(directory.read_bytes())}


@pytest.fixture
def study(tmp_path: Path) -> BuiltStudy:
    return build_study(tmp_path / "made", patient_id="P1", modalities=("CT", "MR"), instances=2)


@pytest.fixture
def disc(tmp_path: Path, study: BuiltStudy) -> Path:
    deliver(tmp_path / "disc", study.files)
    return tmp_path / "disc"


def test_every_file_is_named_as_discs_need_it_and_stands_there(disc: Path, study: BuiltStudy) -> None:
    found = names(disc / "DICOMDIR")

    assert found.keys() == set(study.instance_uids)
    assert all(re.fullmatch(r"([A-Z0-9_]{1,8}/){3}[A-Z0-9_]{1,8}", name) for name in found.values())
    for uid, path in zip(study.instance_uids, study.files, strict=True):
        assert (disc / found[uid]).read_bytes() == path.read_bytes()
    assert (disc / "DICOMDIR").stat().st_mode & 0o777 == 0o600


def test_pydicom_reads_it_as_a_file_set(disc: Path, study: BuiltStudy) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it tells of records it would write otherwise
        file_set = FileSet(disc / "DICOMDIR")
        uids = {str(one.SOPInstanceUID) for one in file_set}
        patients = [str(name) for name in file_set.find_values("PatientName")]
        del file_set
        gc.collect()

    assert uids == set(study.instance_uids)
    assert patients == [str(dcmread(study.files[0]).PatientName)]


def test_further_studies_are_added_and_the_same_again_changes_nothing(disc: Path, tmp_path: Path) -> None:
    other = build_study(tmp_path / "made", instances=1, StudyDate="", StudyID="", PatientName="")
    before = names(disc / "DICOMDIR")

    deliver(disc, other.files)
    once = file_tree(disc)
    deliver(disc, other.files)

    assert names(disc / "DICOMDIR").keys() == before.keys() | set(other.instance_uids)
    assert file_tree(disc) == once


def test_an_archive_has_its_own_and_keeps_it_when_it_grows(tmp_path: Path, study: BuiltStudy) -> None:
    deliver(tmp_path / "out", study.files[:1], archive="zip")
    deliver(tmp_path / "out", study.files, archive="zip")

    with zipfile.ZipFile(tmp_path / "out" / f"{study.uid}.zip") as archive:
        found = listed(archive.read("DICOMDIR"))
        inside = {name for name in archive.namelist() if name != "DICOMDIR"}
    assert {one.file for one in found} == inside
    assert len(inside) == 4


def test_a_damaged_one_that_is_there_is_not_written_over(tmp_path: Path, study: BuiltStudy) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "DICOMDIR").write_bytes(b"no DICOMDIR")

    with pytest.raises(NodeError, match="the DICOMDIR that is there is damaged"):
        deliver(tmp_path / "out", study.files)

    assert (tmp_path / "out" / "DICOMDIR").read_bytes() == b"no DICOMDIR"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"layout": "{SOPInstanceUID}"}, "leave out `layout`"),
        ({"format": "nifti"}, "lists DICOM images"),
        ({"archive": {"format": "zip", "password": "x"}}, "take `format: 7z`"),
    ],
)
def test_what_cannot_go_together_is_refused(more: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        FolderNode.model_validate({"folder": "out", "dicomdir": True, **more})


def fetched(source: FolderSource, study: BuiltStudy, spool: Path) -> tuple[set[str], dict[str, Reason]]:
    spool.mkdir()
    arrivals: list[Arrival] = []
    failed = source.retrieve(RetrieveRequest(study.uid), spool, arrivals.append)
    return {one.uid for one in arrivals}, {one.uid: one.reason for one in failed}


def test_a_file_that_it_names_and_is_not_there_is_missed(
    disc: Path, tmp_path: Path, study: BuiltStudy
) -> None:
    lost = study.instance_uids[0]
    name = names(disc / "DICOMDIR")[lost]
    (disc / name).unlink()
    source = FolderSource("in", disc)

    found = source.find(Level.IMAGE, {"StudyInstanceUID": study.uid, "Rows": ""})
    arrived, failed = fetched(source, study, tmp_path / "spool")

    assert {one["SOPInstanceUID"]: one["Rows"] for one in found} == {
        uid: "" if uid == lost else "8" for uid in study.instance_uids
    }
    assert failed == {lost: Reason.INCOMPLETE}
    assert arrived == set(study.instance_uids) - {lost}
    assert f"in: did not find 1 file that a DICOMDIR names: {name}" in source.notes()


def test_a_file_that_lies_elsewhere_than_it_says_is_not_missed(disc: Path, study: BuiltStudy) -> None:
    for path in [path for path in disc.rglob("*") if path.is_file() and path.name != "DICOMDIR"]:
        path.rename(disc / f"{path.name.lower()}.dcm")

    source = FolderSource("in", disc)

    assert source.notes() == ["in: skipped 1 file without a DICOM image"]
    assert len(source.find(Level.IMAGE, {"StudyInstanceUID": study.uid})) == 4


def test_one_in_an_archive_is_read_too(disc: Path, tmp_path: Path, study: BuiltStudy) -> None:
    members = file_tree(disc)
    lost = names(disc / "DICOMDIR")[study.instance_uids[3]]
    del members[lost]
    pack(tmp_path / "in" / "disc.tar.gz", members)
    source = FolderSource("in", tmp_path / "in")

    arrived, failed = fetched(source, study, tmp_path / "spool")

    assert failed == {study.instance_uids[3]: Reason.INCOMPLETE}
    assert len(arrived) == 3
    assert source.notes()[1].endswith(f"a DICOMDIR names: disc.tar.gz/{lost}")


def test_the_directory_itself_stands_for_its_folder(disc: Path, tmp_path: Path, study: BuiltStudy) -> None:
    arrived, failed = fetched(FolderSource("in", disc / "DICOMDIR"), study, tmp_path / "spool")

    assert arrived == set(study.instance_uids)
    assert not failed


def test_an_archive_is_a_source_by_itself(disc: Path, tmp_path: Path, study: BuiltStudy) -> None:
    archive = pack(tmp_path / "in" / "disc.zip", file_tree(disc))
    build_study(tmp_path / "in", instances=1)
    source = FolderSource("in", archive)

    arrived, failed = fetched(source, study, tmp_path / "spool")

    assert arrived == set(study.instance_uids)
    assert not failed
    assert len(source.find(Level.STUDY, {})) == 1


@pytest.mark.parametrize("cut", [132, 400, 700, 1200])
def test_one_that_is_cut_short_is_broken_and_the_images_are_found(
    disc: Path, study: BuiltStudy, cut: int
) -> None:
    content = (disc / "DICOMDIR").read_bytes()
    (disc / "DICOMDIR").write_bytes(content[:cut])

    source = FolderSource("in", disc)

    assert len(source.find(Level.IMAGE, {"StudyInstanceUID": study.uid})) == 4
    assert any("DICOMDIR" in note for note in source.notes())


def test_names_that_point_elsewhere_are_never_followed(disc: Path, tmp_path: Path, study: BuiltStudy) -> None:
    lost = study.instance_uids[0]
    name = names(disc / "DICOMDIR")[lost]
    (disc / name).rename(tmp_path / "elsewhere")
    written = name.replace("/", "\\").encode()
    content = (disc / "DICOMDIR").read_bytes()
    (disc / "DICOMDIR").write_bytes(content.replace(written, b"..\\elsewhere".ljust(len(written))))
    source = FolderSource("in", disc)

    arrived, failed = fetched(source, study, tmp_path / "spool")

    assert source.notes()[1].endswith("a DICOMDIR names: ../elsewhere")
    assert failed == {lost: Reason.INCOMPLETE}
    assert lost not in arrived


@pytest.mark.parametrize(
    ("sop_class", "kind"),
    [
        ("1.2.840.10008.5.1.4.1.1.88.22", "SR DOCUMENT"),
        ("1.2.840.10008.5.1.4.1.1.88.67", "SR DOCUMENT"),
        ("1.2.840.10008.5.1.4.1.1.88.59", "KEY OBJECT DOC"),
        ("1.2.840.10008.5.1.4.1.1.11.1", "PRESENTATION"),
        ("1.2.840.10008.5.1.4.1.1.481.2", "RT DOSE"),
        ("1.2.840.10008.5.1.4.1.1.104.1", "ENCAP DOC"),
        ("1.2.840.10008.5.1.4.1.1.66.4", "IMAGE"),
        ("1.2.840.10008.5.1.4.1.1.9.1.1", "WAVEFORM"),
    ],
)
def test_each_kind_of_object_has_its_kind_of_record(tmp_path: Path, sop_class: str, kind: str) -> None:
    study = build_study(tmp_path / "made", instances=1)
    ds = dcmread(study.files[0])
    ds.SOPClassUID = sop_class
    write_part10(ds, study.files[0])

    deliver(tmp_path / "out", study.files)

    records = dcmread(tmp_path / "out" / "DICOMDIR").DirectoryRecordSequence
    assert records[-1].DirectoryRecordType == kind

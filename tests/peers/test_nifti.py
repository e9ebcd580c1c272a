"""Series that the real dcm2niix turns into NIfTI on their way into a folder."""

from __future__ import annotations

import gzip
import json
import stat
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from pydicom import dcmread  # pyright: ignore[reportUnknownVariableType]  # pydicom's types are partial

from adit_cli.dicom.files import read_file_meta
from adit_cli.errors import NodeError, Reason
from adit_cli.jobfile.node import FolderNode
from adit_cli.nodes import dcm2niix, open_destination
from adit_cli.nodes.aside import STAGING
from adit_cli.nodes.base import Delivered, Reporting
from adit_cli.nodes.nifti import NiftiDestination
from adit_cli.nodes.tree import TreeFiling
from tests.support.builders import BuiltStudy, build_study, file_tree, write_part10
from tests.support.folder_delivery import deliver_to, ready_file

pytestmark = pytest.mark.peers


def convert(root: Path, files: Sequence[Path], **written: object) -> list[Delivered]:
    node = FolderNode.model_validate({"folder": root, "format": "nifti", **written})
    return deliver_to(open_destination("out", node, "ADIT"), files)


def notes_of(root: Path, files: Sequence[Path]) -> list[str]:
    delivery = NiftiDestination("out", root, "{SeriesNumber}", TreeFiling("out", root)).begin("task")
    delivery.add([ready_file(path) for path in files])
    delivery.finish()
    assert isinstance(delivery, Reporting)
    return delivery.notes()


def names(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def slices(path: Path) -> int:
    """Return the third dimension in a NIfTI-1 header."""
    with gzip.open(path) as file:
        return int(struct.unpack_from("<8h", file.read(348), 40)[3])


def fake(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a program in the place of dcm2niix; $out is where it is to write."""
    program = folder / "fake-dcm2niix"
    program.write_text(f'#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\nout=$2\n{script}\n')
    program.chmod(0o700)
    monkeypatch.setenv(dcm2niix.VARIABLE, str(program))


@pytest.fixture
def study(tmp_path: Path) -> BuiltStudy:
    return build_study(tmp_path / "in", patient_id="P1", modalities=("CT", "MR"), instances=4, size=16)


def test_each_series_becomes_a_volume_with_its_sidecar_where_the_layout_says(
    tmp_path: Path, study: BuiltStudy
) -> None:
    told = convert(tmp_path / "out", study.files)

    assert {one.uid: one.accepted for one in told} == dict.fromkeys(study.instance_uids, True)
    assert [name.split("/")[-1] for name in names(tmp_path / "out")] == [
        "1-CT axial.json",
        "1-CT axial.nii.gz",
        "2-MR axial.json",
        "2-MR axial.nii.gz",
    ]
    assert all(name.startswith("P1/2024") for name in names(tmp_path / "out"))
    assert all("-CT-MR" in name for name in names(tmp_path / "out"))
    assert [slices(path) for path in (tmp_path / "out").rglob("*.nii.gz")] == [4, 4]
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out").rglob("*.*")} == {0o600}


def test_a_sidecar_names_study_and_series_and_a_patient_only_by_pseudonym(tmp_path: Path) -> None:
    known, pseudonym = (
        build_study(tmp_path / "in", patient_id=patient_id, size=16, PatientIdentityRemoved=removed)
        for patient_id, removed in (("0004711", "NO"), ("LUNG-001", "YES"))
    )

    for study in (known, pseudonym):
        convert(tmp_path / study.patient_id, study.files, layout="{SeriesNumber}")

    sidecars = [json.loads((tmp_path / one.patient_id / "1.json").read_text()) for one in (known, pseudonym)]
    assert "0004711" not in str(sidecars[0])
    assert "Zoë" not in str(sidecars)
    assert sidecars[1]["PatientID"] == "LUNG-001"
    assert [one["StudyInstanceUID"] for one in sidecars] == [known.uid, pseudonym.uid]
    assert [one["SeriesInstanceUID"] for one in sidecars] == [known.series[0].uid, pseudonym.series[0].uid]
    assert all(one["ConversionSoftware"] == "dcm2niix" for one in sidecars)


def test_the_same_study_again_changes_nothing(tmp_path: Path, study: BuiltStudy) -> None:
    convert(tmp_path / "out", study.files)
    before = file_tree(tmp_path / "out")

    again = convert(tmp_path / "out", study.files)

    assert all(one.accepted for one in again)
    assert file_tree(tmp_path / "out") == before


def test_two_series_that_the_layout_calls_alike_have_names_of_their_own(tmp_path: Path) -> None:
    study = build_study(tmp_path / "in", modalities=("CT", "CT"), size=16, SeriesNumber=7)

    told = convert(tmp_path / "out", study.files, layout="{SeriesNumber}.nii.gz")

    stems = {name.removesuffix(".json").removesuffix(".nii.gz") for name in names(tmp_path / "out")}
    assert all(one.accepted for one in told)
    assert len(names(tmp_path / "out")) == 4
    assert len(stems) == 2
    assert all(stem.startswith("7~") for stem in stems)


def test_what_is_there_of_another_study_keeps_its_name(tmp_path: Path) -> None:
    one, other = (build_study(tmp_path / "in", size=16, patient_id="P1") for _ in range(2))
    convert(tmp_path / "out", one.files, layout="{PatientID}/{SeriesNumber}")
    before = file_tree(tmp_path / "out")

    told = convert(tmp_path / "out", other.files, layout="{PatientID}/{SeriesNumber}")
    once = file_tree(tmp_path / "out")
    again = [
        convert(tmp_path / "out", study.files, layout="{PatientID}/{SeriesNumber}") for study in (one, other)
    ]

    assert all(answer.accepted for answer in (*told, *again[0], *again[1]))
    assert len(once) == 4
    assert before.items() <= once.items()
    assert file_tree(tmp_path / "out") == once


def test_another_volume_under_the_name_of_the_same_series_is_left_alone(
    tmp_path: Path, study: BuiltStudy
) -> None:
    convert(tmp_path / "out", study.files[:4], layout="{SeriesNumber}")
    volume = tmp_path / "out" / "1.nii.gz"
    volume.write_bytes(b"changed")

    told = convert(tmp_path / "out", study.files[:4], layout="{SeriesNumber}")

    assert {(one.accepted, one.reason) for one in told} == {(False, Reason.MISMATCH)}
    assert all("was not filed: other content" in one.message for one in told)
    assert volume.read_bytes() == b"changed"


def test_a_series_without_images_is_left_out_by_name(tmp_path: Path, study: BuiltStudy) -> None:
    report = dcmread(study.files[0])
    report.Modality, report.SOPInstanceUID, report.SeriesInstanceUID = "SR", "1.2.3.4", "1.2.3"
    del report.PixelData
    path = write_part10(report, tmp_path / "in" / "report")

    told = convert(tmp_path / "out", [*study.files, path])

    (left_out,) = (one for one in told if not one.accepted)
    assert (left_out.uid, left_out.skipped, left_out.reason) == ("1.2.3.4", True, None)
    assert "series 1 (SR, 1.2.3) holds no images" in left_out.message
    (alone,) = convert(tmp_path / "alone", [path])
    assert (alone.accepted, alone.skipped, alone.reason) == (False, False, Reason.REJECTED)


def test_a_series_with_an_image_that_cannot_be_used_is_taken_and_says_so(
    tmp_path: Path, study: BuiltStudy
) -> None:
    lost = study.series[0].files[1]
    ds = dcmread(lost)
    del ds.PixelData
    write_part10(ds, lost)

    told = {one.uid: one for one in convert(tmp_path / "out", study.files)}

    assert all(one.accepted for one in told.values())
    assert told[study.series[0].instance_uids[0]].reason is Reason.REJECTED
    assert "holds only 3 of 4 images" in told[study.series[0].instance_uids[0]].message
    assert told[study.series[1].instance_uids[0]].reason is None


def test_a_series_that_cannot_be_converted_does_not_keep_the_others_away(
    tmp_path: Path, study: BuiltStudy
) -> None:
    for path in study.series[0].files:
        ds = dcmread(path)
        del ds.PixelData
        write_part10(ds, path)

    told = {one.uid: one for one in convert(tmp_path / "out", study.files)}

    refused = told[study.series[0].instance_uids[0]]
    assert (refused.accepted, refused.reason) == (False, Reason.REJECTED)
    assert f"series 1 (CT, {study.series[0].uid}) was not converted" in refused.message
    assert told[study.series[1].instance_uids[0]].accepted
    assert [name.split("/")[-1] for name in names(tmp_path / "out")] == [
        "2-MR axial.json",
        "2-MR axial.nii.gz",
    ]


def test_every_series_is_in_the_notes(tmp_path: Path, study: BuiltStudy) -> None:
    assert notes_of(tmp_path / "out", study.files) == [
        f"out: series 1 (CT, {study.series[0].uid}) is 1 volume",
        f"out: series 2 (MR, {study.series[1].uid}) is 1 volume",
    ]


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("exit 4", "it says that they are damaged (exit code 4)"),
        ("exit 0", "dcm2niix made nothing of them"),
        ("kill -9 $$", "it was ended by signal 9"),
        ('printf "\\037\\213\\010\\000" > $out/volume.nii.gz', "is cut short: is the disk full?"),
    ],
)
def test_a_program_that_fails_is_no_success(
    tmp_path: Path, study: BuiltStudy, monkeypatch: pytest.MonkeyPatch, script: str, says: str
) -> None:
    fake(tmp_path, monkeypatch, script)

    told = convert(tmp_path / "out", study.files)

    assert {(one.accepted, one.reason) for one in told} == {(False, Reason.REJECTED)}
    assert all(says in one.message for one in told)
    assert names(tmp_path / "out") == []


def test_exit_code_8_is_a_volume_that_a_person_should_look_at(
    tmp_path: Path, study: BuiltStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(
        tmp_path,
        monkeypatch,
        "echo x | gzip -n > $out/volume_e1.nii.gz; echo '{ nonsense' > $out/volume_e1.json\n"
        "echo 'Convert 4 DICOM as volume'; exit 8",
    )

    told = convert(tmp_path / "out", study.series[0].files)

    assert {(one.accepted, one.reason) for one in told} == {(True, Reason.REJECTED)}
    assert "and a sidecar could not be read and was made anew" in told[0].message
    assert [name.split("/")[-1] for name in names(tmp_path / "out")] == [
        "1-CT axial_e1.json",
        "1-CT axial_e1.nii.gz",
    ]


def test_a_program_that_does_not_come_to_an_end_is_stopped(
    tmp_path: Path, study: BuiltStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(tmp_path, monkeypatch, "tail -f /dev/null; exit 0")
    filing = TreeFiling("out", tmp_path / "out")
    destination = NiftiDestination("out", tmp_path / "out", "{SeriesNumber}", filing, limit=0.2)

    told = deliver_to(destination, study.series[0].files)

    assert {one.message for one in told} == {
        f"series 1 (CT, {study.series[0].uid}) was not converted: dcm2niix was stopped after 0 seconds"
    }


def test_a_program_that_is_missing_is_said_before_anything_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(dcm2niix.VARIABLE, str(tmp_path / "nowhere"))

    with pytest.raises(NodeError, match="needs the program dcm2niix"):
        convert(tmp_path / "out", [])

    assert not (tmp_path / "out").exists()


def test_no_argument_names_a_patient(
    tmp_path: Path, study: BuiltStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(tmp_path, monkeypatch, f'cat /proc/$$/cmdline >> {tmp_path}/seen; exec dcm2niix -o "$@"')

    convert(tmp_path / "out", study.files)

    seen = (tmp_path / "seen").read_bytes()
    assert b"-o" in seen
    assert b"P1" not in seen
    assert not (tmp_path / "out" / STAGING).exists()


@pytest.mark.parametrize("password", ["", "s3cret"])
def test_volumes_are_packed_like_images(tmp_path: Path, study: BuiltStudy, password: str) -> None:
    archive = {"format": "zip", **({"password": password} if password else {})}

    told = convert(tmp_path / "out", study.files, archive=archive, manifest=True)

    with zipfile.ZipFile(tmp_path / "out" / f"{study.uid}.zip") as packed:
        inside = sorted(info.filename for info in packed.infolist() if not info.is_dir())
    assert all(one.accepted for one in told)
    assert len(inside) == 4
    assert any("P1" in name for name in inside) is not bool(password)
    assert len({name.split(".")[0] for name in inside}) == (
        2 if password else len({name.split(".")[0] for name in inside})
    )
    assert (tmp_path / "out" / f"{study.uid}.zip.sha256").exists()


def test_the_version_is_the_programs_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert dcm2niix.version().startswith("v1.")

    fake(tmp_path, monkeypatch, "")
    monkeypatch.setenv(dcm2niix.VARIABLE, "/bin/echo")
    with pytest.raises(NodeError, match="does not say its version"):
        dcm2niix.version()


def test_files_that_were_delivered_stay_readable_as_dicom(tmp_path: Path, study: BuiltStudy) -> None:
    convert(tmp_path / "out", study.files)

    assert [read_file_meta(path).sop_instance_uid for path in study.files] == study.instance_uids

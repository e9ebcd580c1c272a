"""Jobs that deliver NIfTI, as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydicom import dcmread  # pyright: ignore[reportUnknownVariableType]  # pydicom's types are partial

from tests.support.builders import BuiltStudy, build_study, write_part10
from tests.support.program import Adit

pytestmark = pytest.mark.peers


@pytest.fixture
def study(tmp_path: Path) -> BuiltStudy:
    return build_study(tmp_path / "in", patient_id="0004711", modalities=("CT", "MR"), instances=3, size=16)


@pytest.fixture
def adit(tmp_path: Path) -> Adit:
    return Adit(tmp_path / "adit")


def job(tmp_path: Path, node: str) -> Path:
    path = tmp_path / "job.yaml"
    path.write_text(
        f"adit: 1\nname: volumes\nsource: {{folder: in}}\ndestinations: [{{folder: out, {node}}}]\n"
        "select: {studies: {query: {}}}\npseudonyms: {from: random}\ndeidentify: {burned_in: allow}\n"
    )
    return path


def spoil(path: Path) -> None:
    ds = dcmread(path)
    del ds.PixelData
    write_part10(ds, path)


def status(adit: Adit) -> dict[str, str]:
    (row,) = json.loads(adit("status", "volumes", "--format", "json").out)
    return row


def test_a_series_converted_in_part_makes_a_warning_that_names_it(
    tmp_path: Path, study: BuiltStudy, adit: Adit
) -> None:
    spoil(study.series[0].files[0])

    ended = adit("transfer", job(tmp_path, "format: nifti"), "--progress", "none")

    row = status(adit)
    assert ended.code == 3, ended.err
    assert (row["status"], row["reason"], row["delivered"], row["rejected"]) == ("warning", "rejected", 6, 0)
    assert "series 1 (CT," in row["message"]
    assert "holds only 2 of 3 images" in row["message"]
    assert "series 2 (MR," in row["notes"]
    assert len(list((tmp_path / "out").rglob("*.nii.gz"))) == 2


def test_a_series_that_cannot_be_converted_is_a_warning_and_counts_as_rejected(
    tmp_path: Path, study: BuiltStudy, adit: Adit
) -> None:
    for path in study.series[1].files:
        spoil(path)

    ended = adit("transfer", job(tmp_path, "format: nifti"), "--progress", "none")

    row = status(adit)
    assert ended.code == 3, ended.err
    assert (row["status"], row["reason"], row["delivered"], row["rejected"]) == ("warning", "rejected", 3, 3)
    assert "was not converted: dcm2niix made nothing of them" in row["notes"]


def test_what_holds_no_images_is_left_out_and_told_without_a_warning(
    tmp_path: Path, study: BuiltStudy, adit: Adit
) -> None:
    for path in study.series[1].files:
        ds = dcmread(path)
        ds.Modality = "REG"
        write_part10(ds, path)

    ended = adit("transfer", job(tmp_path, "format: nifti"), "--progress", "none")

    row = status(adit)
    assert ended.code == 0, ended.err
    assert (row["status"], row["delivered"], row["rejected"]) == ("success", 3, 3)
    assert "(REG, " in row["notes"]
    assert "holds no images and was not converted" in row["notes"]


@pytest.mark.parametrize(
    ("node", "variable", "says"),
    [
        ("format: nifti", "ADIT_DCM2NIIX", "needs the program dcm2niix"),
        ("archive: {format: 7z, password: x}", "ADIT_7ZZ", "need the program 7zz"),
    ],
)
def test_a_program_that_is_missing_ends_the_run_before_it_begins(
    tmp_path: Path, study: BuiltStudy, node: str, variable: str, says: str
) -> None:
    adit = Adit(tmp_path / "adit", {variable: "/there/is/none"})

    ended = adit("transfer", job(tmp_path, node), "--progress", "none")

    assert ended.code == 6
    assert says in ended.err
    assert f"{variable}=PATH" in ended.err
    assert not (tmp_path / "out").exists()
    assert study.uid not in ended.err


@pytest.mark.parametrize(
    ("node", "says"),
    [
        ("format: nrrd", "format"),
        ('format: nifti, layout: "{SeriesNumber:x}"', "use :03, :.20 or :hash"),
        ('layout: "{0010002}"', "no DICOM keyword"),
        ('layout: "a:b/{SOPInstanceUID}"', "not every disk takes"),
        ("dicomdir: true, format: nifti", "lists DICOM images"),
        ('dicomdir: true, layout: "{SOPInstanceUID}"', "leave out `layout`"),
    ],
)
def test_what_cannot_be_is_found_by_check_with_its_place(
    tmp_path: Path, adit: Adit, node: str, says: str
) -> None:
    (tmp_path / "in").mkdir()

    ended = adit("check", job(tmp_path, node))

    assert ended.code == 2
    assert "job.yaml:4:" in ended.err
    assert says in ended.err

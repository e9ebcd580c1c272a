from __future__ import annotations

import os
import stat
import zlib
from pathlib import Path

import pytest
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from adit_cli.deid.files import deidentify_file
from adit_cli.deid.uids import new_uid
from adit_cli.dicom.files import IMPLEMENTATION_CLASS_UID, read_file_meta
from adit_cli.errors import DataError, Reason
from tests.support.deid import KEY, ct_data_set, deidentified, profile_of, saved
from tests.support.reading import pydicom_file, read_dicom

ALL: dict[str, object] = {"modalities": {"exclude": ()}, "burned_in": "allow"}


def _let_all_out(source: Path, folder: Path) -> Path:
    deidentify_file(source, folder / "out.dcm", profile_of(**ALL), "PSEUDO")
    return folder / "out.dcm"


@pytest.mark.parametrize(
    ("name", "syntax"),
    [
        ("MR_small_implicit.dcm", ImplicitVRLittleEndian),
        ("CT_small.dcm", ExplicitVRLittleEndian),
        ("MR_small_bigendian.dcm", ExplicitVRBigEndian),
        ("image_dfl.dcm", DeflatedExplicitVRLittleEndian),
    ],
)
def test_a_file_leaves_in_the_transfer_syntax_that_it_came_in(name: str, syntax: str, tmp_path: Path) -> None:
    before = read_dicom(pydicom_file(name))

    left = read_dicom(_let_all_out(pydicom_file(name), tmp_path))

    assert left.file_meta.TransferSyntaxUID == syntax
    assert left.PatientName == left.PatientID == "PSEUDO"
    assert left.SOPInstanceUID == new_uid(KEY, str(before.SOPInstanceUID))
    assert left.PixelData == before.PixelData
    assert left.Rows == before.Rows
    assert "SeriesDescription" not in left


@pytest.mark.parametrize(
    "name",
    [
        "JPEG2000.dcm",
        "MR_small_RLE.dcm",
        "JPEGLSNearLossless_08.dcm",
        "SC_rgb_rle_2frame.dcm",
    ],
)
def test_encapsulated_pixel_data_is_copied_fragment_by_fragment(name: str, tmp_path: Path) -> None:
    before = read_dicom(pydicom_file(name))

    after = read_dicom(_let_all_out(pydicom_file(name), tmp_path))

    assert after.PixelData == before.PixelData
    assert after.file_meta.TransferSyntaxUID == before.file_meta.TransferSyntaxUID


def test_an_implicit_header_before_compressed_pixels_becomes_an_explicit_one(tmp_path: Path) -> None:
    path = pydicom_file("SC_rgb_jpeg.dcm")

    left = _let_all_out(path, tmp_path)

    assert read_dicom(left).file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.50"
    assert left.read_bytes()[-2000:] == path.read_bytes()[-2000:]


def test_the_result_says_what_the_file_is_now(tmp_path: Path) -> None:
    data_set = ct_data_set()

    result = deidentify_file(
        saved(data_set, tmp_path / "in.dcm"), tmp_path / "out.dcm", profile_of(), "PSEUDO"
    )

    assert result.sop_class_uid == data_set.SOPClassUID
    assert result.sop_instance_uid == new_uid(KEY, str(data_set.SOPInstanceUID))
    assert result.study_uid == new_uid(KEY, str(data_set.StudyInstanceUID))
    assert result.series_uid == new_uid(KEY, str(data_set.SeriesInstanceUID))
    assert result.transfer_syntax_uid == ExplicitVRLittleEndian
    assert result.size == (tmp_path / "out.dcm").stat().st_size
    assert result.actions[0x00100010, "pseudonym"] == 1


def test_file_meta_and_preamble_are_made_anew(tmp_path: Path) -> None:
    data_set = ct_data_set()
    data_set.preamble = b"Quillhaven".ljust(128)
    data_set.file_meta.SourceApplicationEntityTitle = "QUILLHAVEN"
    data_set.file_meta.PrivateInformationCreatorUID = UID("1.2.3.4")

    left = deidentified(data_set, tmp_path)

    assert left.preamble == bytes(128)
    assert left.file_meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
    assert left.file_meta.MediaStorageSOPInstanceUID == left.SOPInstanceUID
    assert "SourceApplicationEntityTitle" not in left.file_meta
    assert "PrivateInformationCreatorUID" not in left.file_meta
    assert stat.S_IMODE((tmp_path / "out.dcm").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "name",
    [
        "ExplVR_LitEndNoMeta.dcm",
        "ExplVR_BigEndNoMeta.dcm",
        "no_meta_group_length.dcm",
        "UN_sequence.dcm",
        "badVR.dcm",
    ],
)
def test_files_with_missing_or_wrong_parts_become_whole_ones(name: str, tmp_path: Path) -> None:
    target = _let_all_out(pydicom_file(name), tmp_path)

    left = read_dicom(target)
    assert read_file_meta(target).sop_instance_uid == left.SOPInstanceUID
    assert left.PatientIdentityRemoved == "YES"


def test_a_file_meta_that_names_the_wrong_layout_is_put_right(tmp_path: Path) -> None:
    data_set = ct_data_set()
    data_set.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    path = saved(data_set, tmp_path / "in.dcm")
    wrong = path.read_bytes().replace(b"1.2.840.10008.1.2\0", b"1.2.840.10008.1.2.1", 1)
    wrong = wrong.replace(b"UI\x12\x001.2.840.10008.1.2.1", b"UI\x14\x001.2.840.10008.1.2.1\0", 1)
    length = int.from_bytes(wrong[140:144], "little") + 2
    path.write_bytes(wrong[:140] + length.to_bytes(4, "little") + wrong[144:])

    left = deidentified(path, tmp_path)

    assert left.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
    assert left.PixelData == data_set.PixelData


def test_a_large_header_is_read_to_its_end(tmp_path: Path) -> None:
    data_set = ct_data_set(ICCProfile=os.urandom(700_000))

    left = deidentified(data_set, tmp_path)

    assert left.ICCProfile == data_set.ICCProfile
    assert left.PixelData == data_set.PixelData


def test_what_stands_behind_the_pixel_data_does_not_leave(tmp_path: Path) -> None:
    path = saved(ct_data_set(), tmp_path / "in.dcm")
    padding = b"\xfc\xff\xfc\xffOB\0\0\x0a\0\0\0Quillhaven"
    path.write_bytes(path.read_bytes() + padding)

    deidentified(path, tmp_path)

    assert b"Quillhaven" not in (tmp_path / "out.dcm").read_bytes()


def test_a_data_set_without_pixel_data_leaves_too(tmp_path: Path) -> None:
    data_set = ct_data_set()
    del data_set.PixelData

    assert "PixelData" not in deidentified(data_set, tmp_path)


def test_meta_information_without_a_preamble_is_read(tmp_path: Path) -> None:
    whole = saved(ct_data_set(), tmp_path / "whole.dcm").read_bytes()
    bare = tmp_path / "in.dcm"
    bare.write_bytes(whole[132:])

    assert deidentified(bare, tmp_path).PatientID == "PSEUDO"


def test_a_layout_that_no_standard_knows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "in.dcm"
    path.write_bytes(b"\0\x08\0\x16\0\0\0\x041234" * 40)

    assert "layout" in str(_refused(path, tmp_path))


def _cut(path: Path, target: Path, keep: int) -> Path:
    target.write_bytes(path.read_bytes()[:keep])
    return target


def _refused(source: Path, folder: Path) -> DataError:
    with pytest.raises(DataError) as refusal:
        deidentify_file(source, folder / "out.dcm", profile_of(**ALL), "PSEUDO")
    assert not (folder / "out.dcm").exists()
    return refusal.value


def test_cut_files_are_refused_and_leave_nothing_behind(tmp_path: Path) -> None:
    whole = saved(ct_data_set(), tmp_path / "in.dcm")
    size = whole.stat().st_size

    assert "not whole" in str(_refused(_cut(whole, tmp_path / "header.dcm", 400), tmp_path))
    assert "cut off" in str(_refused(_cut(whole, tmp_path / "pixels.dcm", size - 3), tmp_path))


@pytest.mark.parametrize(("keep", "words"), [(-4, "cut off"), (-60, "cut off")])
def test_cut_fragments_are_refused(keep: int, words: str, tmp_path: Path) -> None:
    path = pydicom_file("JPEG2000.dcm")
    cut = _cut(path, tmp_path / "in.dcm", path.stat().st_size + keep)

    assert words in str(_refused(cut, tmp_path))


def test_damaged_fragments_are_refused(tmp_path: Path) -> None:
    data = pydicom_file("JPEG2000.dcm").read_bytes()
    at = data.rindex(b"\xfe\xff\xdd\xe0")
    damaged = tmp_path / "in.dcm"
    damaged.write_bytes(data[:at] + b"\xfe\xff\x0d\xe1" + data[at + 4 :])

    assert "damaged" in str(_refused(damaged, tmp_path))


def test_a_damaged_or_cut_deflated_file_is_refused(tmp_path: Path) -> None:
    path = pydicom_file("image_dfl.dcm")
    data = path.read_bytes()
    noise = tmp_path / "noise.dcm"
    noise.write_bytes(data[:400] + b"\xff" * 50)

    assert "cut off" in str(_refused(_cut(path, tmp_path / "cut.dcm", len(data) // 2), tmp_path))
    assert "damaged" in str(_refused(noise, tmp_path))


def test_a_deflated_file_leaves_deflated(tmp_path: Path) -> None:
    target = _let_all_out(pydicom_file("image_dfl.dcm"), tmp_path)

    offset = read_file_meta(target).dataset_offset
    assert zlib.decompress(target.read_bytes()[offset:], -zlib.MAX_WBITS)
    assert read_dicom(target).PixelData == read_dicom(pydicom_file("image_dfl.dcm")).PixelData


@pytest.mark.parametrize(
    "content", [b"", b"<html>please log in</html>", b"\x08\0", bytes(132), b"\x08\0" * 400]
)
def test_what_is_no_dicom_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "in.dcm"
    path.write_bytes(content)

    assert _refused(path, tmp_path).reason is Reason.REJECTED


def test_a_file_that_is_gone_is_refused(tmp_path: Path) -> None:
    assert "cannot be read" in str(_refused(tmp_path / "gone.dcm", tmp_path))


def test_a_data_set_without_its_uid_takes_that_of_the_file_meta(tmp_path: Path) -> None:
    data_set = ct_data_set()
    uid = str(data_set.SOPInstanceUID)
    path = saved(data_set, tmp_path / "in.dcm")
    at = path.read_bytes().index(b"\x08\0\x18\0")
    data = path.read_bytes()
    path.write_bytes(data[:at] + data[at + 8 + len(uid) + len(uid) % 2 :])

    assert deidentified(path, tmp_path).SOPInstanceUID == new_uid(KEY, uid)

from pathlib import Path

import pytest

from adit_cli.dicom.files import IMPLEMENTATION_CLASS_UID, FileMeta, part10_header, read_file_meta
from adit_cli.errors import DataError
from tests.support.reading import pydicom_file, read_dicom

CT, EXPLICIT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1"


def test_what_we_write_as_header_is_what_pydicom_reads(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(part10_header(CT, "1.2.3", EXPLICIT))

    meta = read_dicom(path).file_meta

    assert (meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID) == (CT, "1.2.3")
    assert (meta.TransferSyntaxUID, meta.ImplementationClassUID) == (EXPLICIT, IMPLEMENTATION_CLASS_UID)
    assert meta.FileMetaInformationGroupLength == path.stat().st_size - 144


def test_header_we_wrote_is_read_back_with_the_offset_of_the_data_set(tmp_path: Path) -> None:
    header = part10_header(CT, "1.2.34", EXPLICIT)
    path = tmp_path / "a.dcm"
    path.write_bytes(header + b"data")

    assert read_file_meta(path) == FileMeta(CT, "1.2.34", EXPLICIT, len(header))


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small_bigendian.dcm", "JPEG2000.dcm", "image_dfl.dcm"])
def test_headers_of_others_are_read_as_pydicom_reads_them(name: str) -> None:
    path = pydicom_file(name)
    expected = read_dicom(path).file_meta

    meta = read_file_meta(path)

    assert meta.sop_class_uid == expected.MediaStorageSOPClassUID
    assert meta.sop_instance_uid == expected.MediaStorageSOPInstanceUID
    assert meta.transfer_syntax_uid == expected.TransferSyntaxUID


def test_long_private_information_in_the_header_is_stepped_over(tmp_path: Path) -> None:
    header = part10_header(CT, "1.2.3", EXPLICIT) + b"\x02\0\x02\x01OB\0\0" + (9000).to_bytes(4, "little")
    path = tmp_path / "a.dcm"
    path.write_bytes(header + bytes(9000) + b"\x08\0")

    assert read_file_meta(path).dataset_offset == len(header) + 9000


@pytest.mark.parametrize("length", [0, 131, 140, 150, 200])
def test_file_that_ends_inside_its_header_is_not_dicom(tmp_path: Path, length: int) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(part10_header(CT, "1.2.3", EXPLICIT)[:length])

    with pytest.raises(DataError):
        read_file_meta(path)


def test_missing_file_is_told_as_data_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_file_meta(tmp_path / "gone.dcm")

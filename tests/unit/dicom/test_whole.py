from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from adit_cli.dicom.attributes import read_attributes
from adit_cli.dicom.files import read_file_meta
from adit_cli.dicom.whole import read_whole
from adit_cli.errors import DataError
from tests.support.reading import read_dicom

Cut = Callable[[str, int], Path]
NATIVE, IMPLICIT, FRAGMENTS = "CT_small.dcm", "MR_small_implicit.dcm", "MR_small_RLE.dcm"
KEYWORDS = ("StudyInstanceUID", "Modality", "PatientName")


def of_pydicom(name: str) -> Path:
    found = get_testdata_file(name, download=False)
    assert isinstance(found, str)
    return Path(found)


@pytest.fixture
def cut(tmp_path: Path) -> Cut:
    def make(name: str, missing: int) -> Path:
        path = tmp_path / name
        path.write_bytes(of_pydicom(name).read_bytes()[:-missing])
        return path

    return make


@pytest.mark.parametrize("name", [NATIVE, IMPLICIT, FRAGMENTS, "MR_small_bigendian.dcm", "image_dfl.dcm"])
def test_whole_file_is_taken(name: str) -> None:
    path = of_pydicom(name)

    assert read_whole(path, KEYWORDS) == (read_file_meta(path), read_attributes(path, KEYWORDS))


@pytest.mark.parametrize("name", [NATIVE, IMPLICIT, FRAGMENTS])
@pytest.mark.parametrize("missing", [200, 1000])
def test_file_that_is_cut_in_its_pixel_data_is_told(cut: Cut, name: str, missing: int) -> None:
    path = cut(name, missing)

    with pytest.raises(DataError, match="ends inside"):
        read_whole(path, KEYWORDS)


def test_fragments_without_their_end_are_told(cut: Cut) -> None:
    path = cut(FRAGMENTS, 8)

    with pytest.raises(DataError, match="ends inside"):
        read_whole(path, KEYWORDS)


@pytest.mark.parametrize("content", [b"", b"plain text", bytes(128) + b"DICM"])
def test_what_is_no_dicom_file_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)

    with pytest.raises(DataError, match=r"notes.txt"):
        read_whole(path, KEYWORDS)


@pytest.fixture
def long_header(tmp_path: Path) -> bytes:
    ds = read_dicom(of_pydicom(NATIVE))
    ds.add_new(0x00091010, "LO", "ours")
    ds.add_new(0x00091001, "OB", bytes(50_000))
    ds.save_as(tmp_path / "long.dcm")
    return (tmp_path / "long.dcm").read_bytes()


def test_a_header_of_any_length_is_looked_through(tmp_path: Path, long_header: bytes) -> None:
    path = tmp_path / "whole.dcm"
    path.write_bytes(long_header)

    assert read_whole(path, KEYWORDS)[1] == read_attributes(path, KEYWORDS)


def test_a_file_with_a_long_header_that_is_cut_is_told(tmp_path: Path, long_header: bytes) -> None:
    path = tmp_path / "cut.dcm"
    path.write_bytes(long_header[:-8])

    with pytest.raises(DataError, match="ends inside"):
        read_whole(path, KEYWORDS)

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from adit_cli.deid import parts
from adit_cli.deid.files import completed
from adit_cli.deid.parts import read_parts
from adit_cli.deid.verify import find_leak
from adit_cli.dicom.elements import Element, Encoding, TruncatedError, read_header
from adit_cli.errors import DataError
from tests.support.deid import ct_data_set, deidentified, elements, saved


def test_a_first_read_that_ends_with_an_element_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(ct_data_set(), tmp_path / "in.dcm")
    monkeypatch.setattr(parts, "FIRST_READ", path.read_bytes().index(b"\xe0\x7f\x10\0"))

    tail = read_parts(path).tail

    assert tail is not None
    assert tail.size == 8


def test_padding_alone_is_no_pixel_data(tmp_path: Path) -> None:
    data_set = ct_data_set()
    del data_set.PixelData
    data_set.add_new(0xFFFCFFFC, "OB", bytes(4))

    assert read_parts(saved(data_set, tmp_path / "in.dcm")).tail is None


def test_a_deflated_data_set_without_pixel_data_leaves_too(tmp_path: Path) -> None:
    data_set = ct_data_set()
    del data_set.PixelData
    data_set.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    padded = ct_data_set()
    del padded.PixelData
    padded.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    padded.add_new(0xFFFCFFFC, "OB", b"Quillhaven")

    assert "PixelData" not in deidentified(data_set, tmp_path)
    assert 0xFFFCFFFC not in deidentified(padded, tmp_path)


def test_a_file_without_sop_instance_uid_is_refused(tmp_path: Path) -> None:
    opened = read_parts(saved(ct_data_set(), tmp_path / "in.dcm"))
    del opened.elements[0x00080018], opened.meta[0x00020003]

    with pytest.raises(DataError, match=r"in\.dcm has no SOP Class or SOP Instance UID"):
        completed(opened, "in.dcm")


def test_an_element_header_that_is_cut_is_truncated() -> None:
    with pytest.raises(TruncatedError):
        read_header(b"\x10\0\x10\0", Encoding(), 0)


def test_a_leak_is_told_where_it_stands_not_where_it_does_not() -> None:
    name = Element(0x00100010, "PN", b"Quillhaven")
    harmless = Element(0x00081032, "SQ", items=[elements(Element(0x00080100, "SH", b"CT"))])

    in_meta = find_leak(b"of quillhaven", elements(harmless), [name], ())
    in_text = find_leak(b"of quillhaven", elements(harmless, name), [name], ())

    assert in_meta == "the file meta information"
    assert in_text == "(0010,0010)"

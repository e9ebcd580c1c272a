"""Big endian files for peers that take little endian only; DCMTK, which turns words itself, is the judge."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from adit_cli.dicom.files import read_file_meta
from adit_cli.dicom.transcode import transcode
from adit_cli.errors import DataError, Reason
from tests.support.picky import send, sent_as_the_same_image
from tests.support.reading import pydicom_file, read_dicom

pytestmark = pytest.mark.peers
EXPLICIT, IMPLICIT, BIG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
FILES = {
    "MR_small_bigendian.dcm": "16 bits in OW",
    "ExplVR_BigEnd.dcm": "8 bits in OB",
    "SC_rgb_small_odd_big_endian.dcm": "8 bits in OW",
    "liver_expb_1frame.dcm": "1 bit",
}


def image_with_values_of_all_sizes() -> FileDataset:
    """Return an image that holds each VR whose bytes have an order, at the top and in an item."""
    ds = read_dicom(pydicom_file("MR_small.dcm"))
    ds.PatientName = "Müller^Zoë"
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.add_new(0x60000010, "US", 8)
    ds.add_new(0x60000011, "US", 4)
    ds.add_new(0x60000100, "US", 1)
    ds.add_new(0x60003000, "OW", bytes(range(4)))
    ds.add_new(0x00190010, "LO", "MADE UP")
    ds.add_new(0x00191001, "UN", b"\1\2\3\4")
    ds.add_new(0x00191002, "OF", np.array([1.5, -2.25], "<f4").tobytes())
    ds.add_new(0x00191003, "OD", np.array([1.5, -2.25], "<f8").tobytes())
    ds.add_new(0x00191004, "OL", np.array([1, 2], "<u4").tobytes())
    ds.add_new(0x00191005, "OB", b"\1\2\3\4")
    ds.FrameIncrementPointer = [0x00181063, 0x00181065]
    lut = Dataset()
    lut.add_new(0x00283002, "US", [4, 0, 16])
    lut.add_new(0x00283006, "OW", np.array([0, 1, 256, 65535], "<u2").tobytes())
    lut.ReferencedSOPSequence = Sequence([Dataset()])
    lut.ReferencedSOPSequence[0].add_new(0x00191003, "OW", b"\1\2")
    lut.RealWorldValueSlope = 0.1
    ds.ModalityLUTSequence = Sequence([lut])
    return ds


@pytest.fixture
def both(tmp_path: Path) -> tuple[Path, Path]:
    """The image in little endian, and by DCMTK in big endian."""
    little, big = tmp_path / "little.dcm", tmp_path / "big.dcm"
    image_with_values_of_all_sizes().save_as(little)
    subprocess.run(["dcmconv", "+tb", little, big], check=True, capture_output=True)
    return little, big


def values(image: Dataset) -> list[tuple[int, str, object]]:
    return [(one.tag, one.VR, one.value) for one in image.iterall() if one.VR != "SQ"]


def test_every_value_is_what_it_was_before_it_was_turned(tmp_path: Path, both: tuple[Path, Path]) -> None:
    little, big = both
    assert read_file_meta(big).transfer_syntax_uid == BIG

    transcode(big, tmp_path / "back.dcm", EXPLICIT)

    back, was = read_dicom(tmp_path / "back.dcm"), read_dicom(little)
    assert back.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert values(back) == values(was)
    assert back[0x60003000].value == bytes(range(4))
    assert np.array_equal(back.pixel_array, was.pixel_array)


def test_dcmtk_turns_it_into_the_same(tmp_path: Path, both: tuple[Path, Path]) -> None:
    _, big = both
    transcode(big, tmp_path / "ours.dcm", IMPLICIT)
    subprocess.run(["dcmconv", "+ti", big, tmp_path / "theirs.dcm"], check=True, capture_output=True)

    ours, theirs = tmp_path / "ours.dcm", tmp_path / "theirs.dcm"

    assert (
        ours.read_bytes()[read_file_meta(ours).dataset_offset :]
        == (theirs.read_bytes()[read_file_meta(theirs).dataset_offset :])
    )


@pytest.mark.parametrize("accepted", [EXPLICIT, IMPLICIT])
@pytest.mark.parametrize("name", FILES, ids=FILES.values())
def test_a_big_endian_image_arrives_as_the_same_image_under_the_same_uid(name: str, accepted: str) -> None:
    sent_as_the_same_image(pydicom_file(name), accepted)


def test_samples_of_several_words_are_refused_since_nobody_knows_how_they_were_turned() -> None:
    told, received = send([pydicom_file("rtdose_expb_1frame.dcm")], EXPLICIT, transcode="allow")

    assert received == {}
    assert told[0].reason is Reason.NO_CONTEXT
    assert "Pixel Data of 32 bits in big endian order" in told[0].message


def test_half_a_word_is_an_error_and_no_other_value(tmp_path: Path, both: tuple[Path, Path]) -> None:
    _, big = both
    image = read_dicom(big)
    image.add_new(0x00191002, "OF", b"\1\2")
    image.SOPInstanceUID = generate_uid()
    image.save_as(tmp_path / "odd.dcm")

    with pytest.raises(DataError, match="cannot be decoded"):
        transcode(tmp_path / "odd.dcm", tmp_path / "back.dcm", EXPLICIT)

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.dataset import FileDataset
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import MPEG2MPML, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, RLELossless

from adit_cli.deid.explain import explain_file
from adit_cli.deid.files import deidentify_file
from adit_cli.deid.masks import load_masks
from adit_cli.errors import DataError, DeidError, UsageError
from tests.support.deid import ct_data_set, deidentified, profile_of, saved
from tests.support.reading import pydicom_file, read_dicom

LET_OUT: dict[str, object] = {"modalities": {"exclude": ()}}


def _masks(folder: Path, text: str) -> dict[str, object]:
    path = folder / "masks.yaml"
    path.write_text(text)
    return {**LET_OUT, "burned_in": {"masks": path}}


IMAGE = bytes(range(1, 1 + 4 * 3))


def _grey(**attributes: object) -> FileDataset:
    eight_bits = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
    return ct_data_set(Rows=3, Columns=4, PixelData=IMAGE, **eight_bits, **attributes)


def test_rectangles_become_black_and_the_rest_stays(tmp_path: Path) -> None:
    settings = _masks(tmp_path, "- {modality: us, rectangles: [[1, 0, 2, 2], [3, 2, 9, 9]]}")

    left = deidentified(_grey(Modality="US", BurnedInAnnotation="YES"), tmp_path, **settings)

    assert left.PixelData == bytes([1, 0, 0, 4, 5, 0, 0, 8, 9, 10, 11, 0])


def test_a_rectangle_outside_of_the_image_changes_nothing(tmp_path: Path) -> None:
    settings = _masks(tmp_path, "- {rectangles: [[4, 0, 2, 2], [0, 3, 2, 2]]}")

    assert deidentified(_grey(Modality="US"), tmp_path, **settings).PixelData == IMAGE


def test_deflated_images_are_masked_too(tmp_path: Path) -> None:
    data_set = _grey(Modality="US")
    data_set.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian

    left = deidentified(data_set, tmp_path, **_masks(tmp_path, "- {rectangles: [[0, 0, 4, 2]]}"))

    assert left.file_meta.TransferSyntaxUID == DeflatedExplicitVRLittleEndian
    assert left.PixelData == bytes(8) + IMAGE[8:]


@pytest.mark.parametrize(
    ("photometric", "planar", "black"),
    [
        ("RGB", 0, bytes(3) + bytes(range(4, 13)) + bytes(3) + bytes(range(16, 25))),
        ("RGB", 1, b"".join(b"\0" + bytes(range(2 + 4 * n, 5 + 4 * n)) for n in range(6))),
        ("YBR_FULL", 0, b"\0\x80\x80" + bytes(range(4, 13)) + b"\0\x80\x80" + bytes(range(16, 25))),
    ],
)
def test_every_frame_of_a_colour_image_is_masked(
    photometric: str, planar: int, black: bytes, tmp_path: Path
) -> None:
    data_set = ct_data_set(
        Modality="US",
        BitsAllocated=8,
        BitsStored=8,
        HighBit=7,
        NumberOfFrames=2,
        SamplesPerPixel=3,
        PlanarConfiguration=planar,
        PhotometricInterpretation=photometric,
        PixelData=bytes(range(1, 25)),
    )

    left = deidentified(data_set, tmp_path, **_masks(tmp_path, "- {rectangles: [[0, 0, 1, 1]]}"))

    assert left.PixelData == black


def test_a_compressed_image_is_decoded_masked_and_written_uncompressed(tmp_path: Path) -> None:
    path = pydicom_file("SC_rgb_rle_2frame.dcm")
    decoder = get_decoder(RLELossless)
    before, _ = decoder.as_buffer(read_dicom(path), raw=True)

    left = deidentified(path, tmp_path, **_masks(tmp_path, "- {rectangles: [[0, 0, 100, 1]]}"))

    assert left.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert (left.PlanarConfiguration, left.SamplesPerPixel, left.NumberOfFrames) == (1, 3, 2)
    row, plane = 100, 100 * 100
    for start in range(0, 6 * plane, plane):
        assert left.PixelData[start : start + row] == bytes(row)
        assert left.PixelData[start + row : start + plane] == before[start + row : start + plane]


@pytest.mark.parametrize(
    "mask",
    [
        "- {manufacturer: GE*, rectangles: [[0, 0, 1, 1]]}",
        "- {model: LOGIQ, rectangles: [[0, 0, 1, 1]]}",
        "- {rows: 4, rectangles: [[0, 0, 1, 1]]}",
        "- {columns: 3, rectangles: [[0, 0, 1, 1]]}",
        "- {modality: XC, rectangles: [[0, 0, 1, 1]]}",
        "[]",
    ],
)
def test_an_image_that_no_mask_fits_does_not_leave(mask: str, tmp_path: Path) -> None:
    data_set = _grey(Modality="US", Manufacturer="ACME", ManufacturerModelName="LOGIQ E9")
    path = saved(data_set, tmp_path / "in.dcm")
    profile = profile_of(**_masks(tmp_path, mask))

    with pytest.raises(DeidError, match="may show text"):
        deidentify_file(path, tmp_path / "out.dcm", profile, "P")
    with pytest.raises(DeidError, match="may show text"):
        explain_file(path, profile, "P")


def test_a_mask_fits_by_maker_model_and_size(tmp_path: Path) -> None:
    data_set = _grey(Modality="US", Manufacturer="GE Healthcare", ManufacturerModelName="LOGIQ E9")
    mask = "- {manufacturer: ge*, model: logiq*, rows: 3, columns: 4, rectangles: [[0, 0, 4, 3]]}"

    assert deidentified(data_set, tmp_path, **_masks(tmp_path, mask)).PixelData == bytes(12)


@pytest.mark.parametrize(
    "attributes", [{"PhotometricInterpretation": "YBR_FULL_422", "SamplesPerPixel": 3}, {"BitsAllocated": 1}]
)
def test_pixels_that_share_bytes_are_not_masked_and_do_not_leave(
    attributes: dict[str, object], tmp_path: Path
) -> None:
    path = saved(ct_data_set(Modality="US", **attributes), tmp_path / "in.dcm")
    profile = profile_of(**_masks(tmp_path, "- {rectangles: [[0, 0, 1, 1]]}"))

    with pytest.raises(DeidError, match="cannot be masked"):
        deidentify_file(path, tmp_path / "out.dcm", profile, "P")


def test_what_cannot_be_decoded_does_not_leave(tmp_path: Path) -> None:
    path = tmp_path / "in.dcm"
    data = saved(ct_data_set(Modality="US"), path).read_bytes()
    explicit = b"UI\x14\x00" + ExplicitVRLittleEndian.encode() + b"\0"
    video = b"UI\x18\x00" + MPEG2MPML.encode() + b"\0"
    length = int.from_bytes(data[140:144], "little") + len(video) - len(explicit)
    data = data[:140] + length.to_bytes(4, "little") + data[144:]
    path.write_bytes(data.replace(explicit, video, 1))
    profile = profile_of(**_masks(tmp_path, "- {rectangles: [[0, 0, 1, 1]]}"))

    with pytest.raises(DeidError, match="cannot be decoded"):
        deidentify_file(path, tmp_path / "out.dcm", profile, "P")


def test_an_image_smaller_than_its_header_says_is_refused(tmp_path: Path) -> None:
    path = saved(ct_data_set(Modality="US", Rows=2000), tmp_path / "in.dcm")
    profile = profile_of(**_masks(tmp_path, "- {rectangles: [[0, 0, 1, 1]]}"))

    with pytest.raises(DataError, match="does not have the size"):
        deidentify_file(path, tmp_path / "out.dcm", profile, "P")


def test_masks_without_pixel_data_have_nothing_to_do(tmp_path: Path) -> None:
    data_set = ct_data_set(Modality="US")
    del data_set.PixelData
    path = saved(data_set, tmp_path / "in.dcm")
    profile = profile_of(**_masks(tmp_path, "- {rectangles: [[0, 0, 1, 1]]}"))

    with pytest.raises(DeidError, match="nothing to blacken"):
        deidentify_file(path, tmp_path / "out.dcm", profile, "P")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- {rectangles: [[0, 0, 0, 1]]}", "0.rectangles.0.2"),
        ("- {rectangles: []}", "0.rectangles"),
        ("- {rectangle: [[0, 0, 1, 1]]}", "0.rectangle"),
        ("nothing", "the file"),
        ("- {", "cannot be read"),
    ],
)
def test_a_masks_file_with_a_mistake_is_refused(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "masks.yaml"
    path.write_text(text)

    with pytest.raises(UsageError, match=words):
        load_masks(path)
    with pytest.raises(UsageError, match="cannot be read"):
        load_masks(tmp_path / "missing.yaml")

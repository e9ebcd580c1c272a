"""Images of all compressions sent to peers that take nothing compressed; what arrives decodes to the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.dataset import FileDataset
from pydicom.pixels.decoders.base import Decoder
from pydicom.uid import UID

from adit_cli.dicom.files import part10_header, read_file_meta
from adit_cli.errors import Reason
from tests.support.builders import build_study
from tests.support.disk import at_most
from tests.support.picky import send, sent_as_the_same_image
from tests.support.reading import pydicom_file, read_dicom

pytestmark = pytest.mark.peers
EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
MPEG4 = "1.2.840.10008.1.2.4.102"
COMPRESSED = [
    "JPEG2000.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
    "MR_small_RLE.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "image_dfl.dcm",
]


@pytest.mark.parametrize("accepted", [EXPLICIT, IMPLICIT])
@pytest.mark.parametrize("name", COMPRESSED)
def test_every_compression_arrives_as_the_same_image_under_the_same_uid(name: str, accepted: str) -> None:
    sent, came = sent_as_the_same_image(pydicom_file(name), accepted)

    assert came.get("LossyImageCompression") == sent.get("LossyImageCompression")
    assert _without_pixels(came) == _without_pixels(sent)


def _without_pixels(image: FileDataset) -> list[tuple[int, object]]:
    """Return what can be compared: Implicit VR does not hold the VRs of private elements."""
    compared = [one for one in image if one.keyword != "PixelData" and not one.tag.is_private]
    return [(one.tag, one.value) for one in compared]


def test_what_a_lossy_compression_has_lost_stays_said(tmp_path: Path) -> None:
    image = read_dicom(pydicom_file("SC_rgb_jpeg_gdcm.dcm"))
    assert "LossyImageCompression" not in image
    image.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.4.50")
    path = tmp_path / "lossy.dcm"
    image.save_as(path)

    told, received = send([path], EXPLICIT, transcode="allow")

    came = read_dicom(next(iter(received.values())))
    assert told[0].accepted, told[0].message
    assert (came.LossyImageCompression, came.LossyImageCompressionMethod) == ("01", "ISO_10918_1")


def test_explicit_files_reach_a_peer_that_knows_only_the_default_transfer_syntax(tmp_path: Path) -> None:
    study = build_study(tmp_path, instances=2)

    told, received = send(study.files, IMPLICIT, transcode="allow")

    assert [one.accepted for one in told] == [True, True]
    sent = [read_dicom(path) for path in study.files]
    assert [read_dicom(received[str(one.SOPInstanceUID)]) for one in sent] == sent


def test_what_is_accepted_as_it_is_stays_as_it_is() -> None:
    path = pydicom_file("MR_small_RLE.dcm")
    meta = read_file_meta(path)

    told, received = send([path], meta.transfer_syntax_uid, transcode="allow")

    came = received[meta.sop_instance_uid]
    assert told[0].accepted
    assert came.endswith(path.read_bytes()[meta.dataset_offset :])


def test_without_the_key_the_refusal_names_syntax_and_key() -> None:
    told, received = send([pydicom_file("JPEG2000.dcm")], EXPLICIT)

    assert received == {}
    assert told[0].reason is Reason.NO_CONTEXT
    assert "JPEG 2000" in told[0].message
    assert "`transcode: allow`" in told[0].message


def test_a_missing_decoder_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Decoder, "is_available", property(lambda _: False))

    told, received = send([pydicom_file("JPEG2000.dcm")], EXPLICIT, transcode="allow")

    assert received == {}
    assert told[0].reason is Reason.NO_CONTEXT
    assert "no decoder of JPEG 2000" in told[0].message
    assert "adit-cli[codecs]" in told[0].message


def test_images_that_nothing_decodes_or_that_are_broken_do_not_stop_the_rest(tmp_path: Path) -> None:
    good = pydicom_file("MR_small_RLE.dcm")
    meta = read_file_meta(good)
    data = good.read_bytes()[meta.dataset_offset :]
    video, broken = tmp_path / "video.dcm", tmp_path / "broken.dcm"
    video.write_bytes(part10_header(meta.sop_class_uid, "1.2.3.1", MPEG4) + data)
    broken.write_bytes(part10_header(meta.sop_class_uid, "1.2.3.2", "1.2.840.10008.1.2.4.80") + data)

    told, received = send([video, good, broken], EXPLICIT, transcode="allow")

    assert list(received) == [meta.sop_instance_uid]
    refused = {one.uid: one.message for one in told if not one.accepted}
    assert "nothing decodes MPEG-4" in refused["1.2.3.1"]
    assert "cannot be decoded" in refused["1.2.3.2"]


def test_nothing_is_left_in_the_folder_of_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    told, _ = send([pydicom_file("JPEG2000.dcm")], EXPLICIT, transcode="allow")
    with at_most(1000), pytest.raises(Exception, match="temporary files"):
        send([pydicom_file("JPEG2000.dcm")], EXPLICIT, transcode="allow")

    assert told[0].accepted
    assert list(tmp_path.iterdir()) == []

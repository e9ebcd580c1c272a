"""One study by C-GET, C-MOVE, WADO-RS and from a folder: the same data sets, bit by bit."""

from __future__ import annotations

from pathlib import Path

import pytest

from adit_cli.dicom.files import read_file_meta
from tests.support.builders import build_study
from tests.support.peers import LOOPBACK, Orthanc, free_port
from tests.support.program import Adit
from tests.support.reading import pydicom_file, read_dicom

pytestmark = pytest.mark.peers

WAYS = ("c-get", "c-move", "wado-rs", "folder")


@pytest.fixture
def adit(tmp_path: Path, pacs: Orthanc) -> Adit:
    """The program with a config that knows the archive once for each way to it."""
    adit, port = Adit(tmp_path / "adit"), free_port()
    pacs.register("adit", "ADIT", port)
    adit.folder.mkdir()
    dimse = f"dimse: {{ae_title: {pacs.ae_title}, host: {LOOPBACK}, port: {pacs.port}, settle: 30}}"
    (adit.folder / "adit.yaml").write_text(
        f"receiver: {{host: {LOOPBACK}, port: {port}}}\n"
        "nodes:\n"
        f"  c-get: {{{dimse}, retrieve: [c-get]}}\n"
        f"  c-move: {{{dimse}, retrieve: [c-move]}}\n"
        f"  wado-rs: {{dicomweb: {pacs.dicomweb_url}}}\n"
        f"  folder: {{folder: {tmp_path / 'made'}}}\n"
    )
    return adit


def data_sets(folder: Path) -> dict[str, bytes]:
    """Return transfer syntax and all that is behind the file meta information, by instance."""
    found: dict[str, bytes] = {}
    for path in folder.rglob("*.dcm"):
        meta = read_file_meta(path)
        assert path.stem == meta.sop_instance_uid
        found[path.stem] = meta.transfer_syntax_uid.encode() + path.read_bytes()[meta.dataset_offset :]
    return found


def fetched(adit: Adit, uid: str, out: Path) -> dict[str, dict[str, bytes]]:
    for way in WAYS:
        ended = adit("get", way, uid, "-o", out / way)
        assert ended.code == 0, ended.err
    return {way: data_sets(out / way) for way in WAYS}


def test_study_is_the_same_by_every_way(tmp_path: Path, pacs: Orthanc, adit: Adit) -> None:
    study = build_study(tmp_path / "made", modalities=("CT", "MR"), instances=4, size=64)
    pacs.upload(study.files)

    by_way = fetched(adit, study.uid, tmp_path / "out")

    assert sorted(by_way["folder"]) == sorted(study.instance_uids)
    for way in WAYS:
        assert by_way[way] == by_way["folder"], way


@pytest.mark.parametrize("name", ["MR_small_RLE.dcm", "JPEG2000.dcm"])
def test_compressed_images_stay_as_the_archive_keeps_them(
    tmp_path: Path, pacs: Orthanc, adit: Adit, name: str
) -> None:
    """Orthanc itself leaves out group lengths by DIMSE, and keeps them by WADO-RS."""
    image = tmp_path / "made" / name
    image.parent.mkdir()
    image.write_bytes(pydicom_file(name).read_bytes())
    pacs.upload([image])
    uid = str(read_dicom(image, pixels=False).StudyInstanceUID)

    by_way = fetched(adit, uid, tmp_path / "out")

    assert len(by_way["folder"]) == 1
    assert by_way["wado-rs"] == by_way["folder"]
    assert by_way["c-move"] == by_way["c-get"]
    pixels = {way: read_dicom(*(tmp_path / "out" / way).rglob("*.dcm")).PixelData for way in WAYS}
    assert len(set(pixels.values())) == 1

"""Our storage SCP called by real senders: DCMTK, odil, pynetdicom and Orthanc."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Queue

import pytest
from pynetdicom import AE

from adit_cli.dicom.files import read_file_meta
from adit_cli.nodes.dimse.receiver import Receiver, Reception
from adit_cli.nodes.dimse.scp import Happening, ReceiveEvent
from tests.support.builders import build_study
from tests.support.peers import LOOPBACK, Orthanc, dcmsend, program, run, storescu
from tests.support.reading import pydicom_file, read_dicom

pytestmark = pytest.mark.peers


@contextmanager
def receiving(folder: Path) -> Generator[tuple[int, Queue[ReceiveEvent]]]:
    events = Queue[ReceiveEvent]()
    receiver = Receiver(Reception("ADIT", 0, folder, LOOPBACK), events.put)
    thread = threading.Thread(target=receiver.run, daemon=True)
    thread.start()
    try:
        yield events.get(timeout=10).port, events
    finally:
        receiver.stop()
        thread.join(30)


def filed(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in folder.glob("*/*.dcm")}


def assert_filed(folder: Path, files: Sequence[Path]) -> None:
    """Each file's data set is there bit by bit, under its UIDs."""
    there = filed(folder)
    assert len(there) == len(files)
    for path in files:
        meta = read_file_meta(path)
        copy = there[meta.sop_instance_uid]
        assert copy.parent.name == read_dicom(path, pixels=False).StudyInstanceUID
        assert (
            copy.read_bytes()[read_file_meta(copy).dataset_offset :]
            == path.read_bytes()[meta.dataset_offset :]
        )


def test_storescu_files_a_study(tmp_path: Path) -> None:
    study = build_study(tmp_path / "made", modalities=("CT", "MR"), instances=10, size=256)

    with receiving(tmp_path / "in") as (port, _):
        storescu(port, study.files, ae_title="ADIT")

    assert_filed(tmp_path / "in", study.files)


def test_dcmsend_files_compressed_and_odd_objects_as_they_are(tmp_path: Path) -> None:
    names = ("JPEG2000.dcm", "MR_small_RLE.dcm", "SC_rgb_jpeg_gdcm.dcm", "waveform_ecg.dcm", "CT_small.dcm")
    files = [pydicom_file(name) for name in names]

    with receiving(tmp_path / "in") as (port, _):
        dcmsend(port, files, ae_title="ADIT")

    there = filed(tmp_path / "in")
    assert len(there) == len(files)
    for path in files:
        sent = read_dicom(path)
        came = read_dicom(there[str(sent.SOPInstanceUID)])
        assert came.file_meta.TransferSyntaxUID == sent.file_meta.TransferSyntaxUID
        assert came.get("PixelData") == sent.get("PixelData")


def test_odil_files_a_study(tmp_path: Path) -> None:
    study = build_study(tmp_path / "made", instances=3)

    with receiving(tmp_path / "in") as (port, _):
        run(["odil", "store", LOOPBACK, str(port), "ODIL", "ADIT", *map(str, study.files)])

    assert set(filed(tmp_path / "in")) == set(study.instance_uids)


def test_pynetdicom_files_an_instance_and_gets_its_echo(tmp_path: Path) -> None:
    study = build_study(tmp_path / "made", instances=2)
    ae = AE(ae_title="PYNETDICOM")
    ae.add_requested_context("1.2.840.10008.1.1")
    ae.add_requested_context("1.2.840.10008.5.1.4.1.1.2")

    with receiving(tmp_path / "in") as (port, events):
        assoc = ae.associate(LOOPBACK, port, ae_title="ADIT")  # pyright: ignore[reportUnknownMemberType]  # pynetdicom's types are partial
        answers = [assoc.send_c_echo(), *(assoc.send_c_store(path) for path in study.files)]
        assoc.release()
        while events.get(timeout=10).happening is not Happening.ENDED:
            pass

    assert [int(answer["Status"].value) for answer in answers] == [0, 0, 0]
    assert_filed(tmp_path / "in", study.files)


def test_orthanc_moves_a_study_to_us(pacs: Orthanc, tmp_path: Path) -> None:
    study = build_study(tmp_path / "made", instances=3)
    pacs.upload(study.files)

    with receiving(tmp_path / "in") as (port, _):
        pacs.register("adit", "ADIT", port)
        options = ["--study", "--move", "ADIT", "--key", "QueryRetrieveLevel=STUDY"]
        key = f"StudyInstanceUID={study.uid}"
        run(["movescu", *options, "--key", key, "--call", pacs.ae_title, LOOPBACK, str(pacs.port)])

    assert set(filed(tmp_path / "in")) == set(study.instance_uids)


def test_echoscu_is_answered_and_a_wrong_ae_title_is_not(tmp_path: Path) -> None:
    with receiving(tmp_path / "in") as (port, _):
        run(["echoscu", "--call", "ADIT", LOOPBACK, str(port)])
        with pytest.raises(Exception, match="Called AE Title Not Recognized"):
            run(["echoscu", "--call", "OTHER", LOOPBACK, str(port)])


def test_dcmtk_reads_what_was_filed(tmp_path: Path) -> None:
    study = build_study(tmp_path / "made", instances=1)

    with receiving(tmp_path / "in") as (port, _):
        storescu(port, study.files, ae_title="ADIT")

    (path,) = filed(tmp_path / "in").values()
    assert study.instance_uids[0] in run([program("dcmdump"), path])

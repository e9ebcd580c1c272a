"""Our requests against real servers: Orthanc, DCMTK's dcmqrscp and storescp, pynetdicom's AE."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from adit_cli.dicom.attributes import encode_attributes
from adit_cli.dicom.files import read_file_meta
from adit_cli.dicom.query import Level
from adit_cli.errors import NodeError
from adit_cli.jobfile.node import DimsePeer, Limits
from adit_cli.nodes.base import Arrival, InstanceRef, Ready, RetrieveRequest
from adit_cli.nodes.dimse.association import Association
from adit_cli.nodes.dimse.contexts import STUDY_FIND, STUDY_GET, STUDY_MOVE, UNCOMPRESSED, numbered
from adit_cli.nodes.dimse.destination import DimseDestination
from adit_cli.nodes.dimse.echo import echo
from adit_cli.nodes.dimse.party import Party
from adit_cli.nodes.dimse.scu import c_move
from adit_cli.nodes.dimse.source import DimseSource
from tests.support.builders import BuiltStudy, build_study
from tests.support.peers import LOOPBACK, Dcmtk, Orthanc, PynetdicomPeer, dcmqrscp, orthanc, program, run
from tests.support.reading import pydicom_file, read_dicom

pytestmark = pytest.mark.peers
Server = Orthanc | Dcmtk | PynetdicomPeer
ODD_FILES = [
    "JPEG2000.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
    "MR_small_RLE.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "MR_small_implicit.dcm",
    "MR_small_bigendian.dcm",
    "SC_rgb_small_odd.dcm",
    "waveform_ecg.dcm",
    "reportsi.dcm",
    "image_dfl.dcm",
]


def node_of(server: Server) -> DimsePeer:
    return DimsePeer(ae_title=server.ae_title, host=LOOPBACK, port=server.port)


@contextmanager
def source(server: Server, associations: int = 1) -> Generator[DimseSource]:
    node = DimseSource("pacs", node_of(server), "ADIT", Limits(associations=associations))
    with closing(node):
        yield node


def send(server: Server, files: list[Path], associations: int = 1) -> list[str]:
    """Send the files; return what was not accepted, in words."""
    node = DimseDestination("pacs", node_of(server), "ADIT", Limits(associations=associations))
    with closing(node):
        told = node.begin("key").add([ready(path) for path in files])
    assert len(told) == len(files)
    return [f"{one.uid}: {one.message}" for one in told if not one.accepted]


def ready(path: Path) -> Ready:
    meta = read_file_meta(path)
    return Ready(
        path, meta.sop_instance_uid, meta.sop_class_uid, meta.transfer_syntax_uid, path.stat().st_size
    )


def listed(node: DimseSource, study_uid: str) -> tuple[InstanceRef, ...]:
    found = node.find(Level.IMAGE, {"StudyInstanceUID": study_uid, "SOPClassUID": ""})
    return tuple(
        InstanceRef(study_uid, one["SeriesInstanceUID"], one["SOPInstanceUID"], one.get("SOPClassUID", ""))
        for one in found
    )


def dataset_bytes(path: Path) -> bytes:
    return path.read_bytes()[read_file_meta(path).dataset_offset :]


def fetch(node: DimseSource, request: RetrieveRequest, spool: Path) -> list[Arrival]:
    spool.mkdir(parents=True, exist_ok=True)
    arrived: list[Arrival] = []
    assert node.retrieve(request, spool, arrived.append) == []
    return arrived


def assert_same(study: BuiltStudy, arrived: list[Arrival]) -> None:
    assert sorted(one.uid for one in arrived) == sorted(study.instance_uids)
    came = {one.uid: dataset_bytes(one.path) for one in arrived}
    for uid, path in zip(study.instance_uids, study.files, strict=True):
        assert came[uid] == dataset_bytes(path)


def test_echo_says_what_orthanc_is_and_offers(pacs: Orthanc) -> None:
    report = echo("pacs", node_of(pacs), "ADIT")

    assert report.implementation_version.startswith("OFFIS_DCMTK")
    assert report.offers(STUDY_FIND)
    assert report.offers(STUDY_GET)


def test_wrong_ae_title_is_told_by_orthanc_and_us_in_words(tmp_path: Path) -> None:

    with orthanc(tmp_path / "strict", options={"DicomCheckCalledAet": True}) as strict:
        wrong = node_of(strict).model_copy(update={"ae_title": "WRONG"})
        with pytest.raises(NodeError, match="does not answer to that AE title"):
            echo("pacs", wrong, "ADIT")


@pytest.mark.parametrize("associations", [1, 3])
def test_study_that_we_stored_in_orthanc_comes_back_byte_for_byte(
    pacs: Orthanc, tmp_path: Path, associations: int
) -> None:
    study = build_study(tmp_path / "made", modalities=("CT", "MR"), instances=40)

    assert send(pacs, study.files, associations) == []
    with source(pacs, associations) as node:
        node.pace.note(1, 1, 0, 1.0)
        refs = listed(node, study.uid)
        arrived = fetch(node, RetrieveRequest(study.uid, instances=refs), tmp_path / "got")

    assert_same(study, arrived)


def test_orthanc_finds_studies_by_what_is_asked(pacs: Orthanc, tmp_path: Path) -> None:
    study = build_study(tmp_path, modalities=("CT", "MR"), instances=1)
    pacs.upload([*study.files, *build_study(tmp_path).files])

    with source(pacs) as node:
        keys = {"PatientID": study.patient_id, "PatientName": "", "ModalitiesInStudy": ""}
        (found,) = node.find(Level.STUDY, keys)
        (patient,) = node.find(Level.PATIENT, {"PatientID": study.patient_id, "PatientName": "Müller*"})
        series = node.find(Level.SERIES, {"StudyInstanceUID": study.uid, "Modality": ""})
        nothing = node.find(Level.STUDY, {"StudyInstanceUID": "1.2.3.4"})

    assert (found["StudyInstanceUID"], set(found["ModalitiesInStudy"].split("\\"))) == (
        study.uid,
        {"CT", "MR"},
    )
    assert patient["PatientName"].startswith("Müller^Zoë")
    assert {one["Modality"] for one in series} == {"CT", "MR"}
    assert nothing == []


def test_single_series_and_single_instances_come_from_orthanc(pacs: Orthanc, tmp_path: Path) -> None:
    study = build_study(tmp_path / "made", modalities=("CT", "MR"), instances=3)
    pacs.upload(study.files)
    ct, mr = study.series

    with source(pacs) as node:
        series = fetch(node, RetrieveRequest(study.uid, (ct.uid,)), tmp_path / "series")
        (tmp_path / "some").mkdir()
        (tmp_path / "some" / "1.2.dcm").touch()
        wanted = tuple(one for one in listed(node, study.uid) if one.uid in mr.instance_uids[:2])
        some = fetch(node, RetrieveRequest(study.uid, (mr.uid,), wanted), tmp_path / "some")

    assert sorted(one.uid for one in series) == sorted(ct.instance_uids)
    assert sorted(one.uid for one in some) == sorted(mr.instance_uids[:2])


def test_unknown_study_brings_nothing_from_orthanc_and_says_so(pacs: Orthanc, tmp_path: Path) -> None:
    with source(pacs) as node:
        try:
            failed = node.retrieve(RetrieveRequest("1.2.3.4"), tmp_path, lambda _: None)
        except NodeError:
            return

    assert failed


@pytest.mark.parametrize("name", ODD_FILES)
def test_files_of_all_kinds_go_to_orthanc_and_come_back_as_they_are(
    pacs: Orthanc, tmp_path: Path, name: str
) -> None:
    path = pydicom_file(name)
    study_uid = str(read_dicom(path, pixels=False).StudyInstanceUID)

    assert send(pacs, [path]) == []
    with source(pacs) as node:
        refs = listed(node, study_uid)
        (arrived,) = fetch(node, RetrieveRequest(study_uid, instances=refs), tmp_path)

    sent, came = read_dicom(path), read_dicom(arrived.path)
    if sent.file_meta.TransferSyntaxUID != ExplicitVRBigEndian:
        assert came.file_meta.TransferSyntaxUID == sent.file_meta.TransferSyntaxUID
        assert came.get("PixelData") == sent.get("PixelData")
    assert came.SOPInstanceUID == sent.SOPInstanceUID


def test_dcmqrscp_is_queried_and_fetched_from(tmp_path: Path) -> None:
    study = build_study(tmp_path / "made", modalities=("CT", "MR"), instances=2)

    with dcmqrscp(tmp_path / "qr", study.files) as server, source(server) as node:
        refs = listed(node, study.uid)
        arrived = fetch(node, RetrieveRequest(study.uid, instances=refs), tmp_path / "got")

    assert {one.uid for one in refs} == set(study.instance_uids)
    assert_same(study, arrived)


def test_dcmqrscp_takes_what_we_send(tmp_path: Path) -> None:
    study = build_study(tmp_path / "made", instances=3)

    with dcmqrscp(tmp_path / "qr") as server, source(server) as node:
        assert send(server, study.files) == []
        assert {one.uid for one in listed(node, study.uid)} == set(study.instance_uids)


@pytest.mark.parametrize("syntax", [None, ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_storescp_holds_the_very_bytes_we_sent(
    storage_scp: Dcmtk, tmp_path: Path, syntax: str | None
) -> None:
    options = {"transfer_syntax": str(syntax)} if syntax else {}
    study = build_study(tmp_path / "made", instances=20, size=256, **options)

    assert send(storage_scp, study.files, 2) == []

    held = sorted(dataset_bytes(path) for path in storage_scp.files())
    assert held == sorted(dataset_bytes(path) for path in study.files)


def test_pynetdicom_takes_what_we_send(peer: PynetdicomPeer, tmp_path: Path) -> None:
    study = build_study(tmp_path, modalities=("CT", "MR"), instances=5)

    assert send(peer, [*study.files, pydicom_file("MR_small_RLE.dcm")]) == []

    assert set(study.instance_uids) < set(peer.received)
    assert peer.received[study.instance_uids[0]].endswith(dataset_bytes(study.files[0]))


def test_dcmtk_reads_what_arrived(pacs: Orthanc, tmp_path: Path) -> None:
    study = build_study(tmp_path / "made", instances=1)
    pacs.upload(study.files)

    with source(pacs) as node:
        (arrived,) = fetch(node, RetrieveRequest(study.uid), tmp_path / "got")

    assert study.instance_uids[0] in run([program("dcmdump"), arrived.path])


def test_orthanc_moves_a_study_where_we_say(pacs: Orthanc, storage_scp: Dcmtk, tmp_path: Path) -> None:
    study = build_study(tmp_path, instances=3)
    pacs.upload(study.files)
    pacs.register("there", storage_scp.ae_title, storage_scp.port)

    party = Party.of("pacs", node_of(pacs), "ADIT")
    with Association.open(party, numbered([(STUDY_MOVE, UNCOMPRESSED)])) as assoc:
        keys = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": study.uid}
        transfer_syntax = assoc.accepted[1][1]
        told = c_move(assoc, STUDY_MOVE, encode_attributes(keys, transfer_syntax), storage_scp.ae_title)

    assert (told.status, told.failed_uids) == (0, ())
    assert len(storage_scp.files()) == 3

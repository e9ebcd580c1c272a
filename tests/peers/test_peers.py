"""The peers themselves: if one of them doesn't work here, no other test's result means anything."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.support.builders import build_study
from tests.support.peers import (
    LOOPBACK,
    Dcmtk,
    Orthanc,
    PeerError,
    PynetdicomPeer,
    dcmqrscp,
    dcmsend,
    getscu,
    program,
    storescp,
    storescu,
)

pytestmark = pytest.mark.peers


def test_orthanc_keeps_what_is_uploaded_and_is_empty_for_the_next_test(pacs: Orthanc, tmp_path: Path) -> None:
    study = build_study(tmp_path, modalities=("CT", "MR"), instances=2)

    pacs.upload(study.files)

    assert set(pacs.instances()) == set(study.instance_uids)
    assert pacs.studies() == [study.uid]
    pacs.clear()
    assert pacs.instances() == {}


def test_orthanc_gives_back_by_c_get_what_it_took_by_c_store(pacs: Orthanc, tmp_path: Path) -> None:
    study = build_study(tmp_path / "made", instances=2)

    storescu(pacs.port, study.files, ae_title=pacs.ae_title)

    assert len(getscu(pacs.port, tmp_path / "got", study.uid, ae_title=pacs.ae_title)) == 2


def test_orthanc_answers_dicomweb(pacs: Orthanc, tmp_path: Path) -> None:
    pacs.upload(build_study(tmp_path).files)

    found = pacs.json("/dicom-web/studies")

    assert isinstance(found, list)


def test_dcmqrscp_serves_what_it_was_filled_with(tmp_path: Path) -> None:
    study = build_study(tmp_path / "made", instances=2)

    with dcmqrscp(tmp_path / "qr", study.files) as server:
        got = getscu(server.port, tmp_path / "got", study.uid, ae_title=server.ae_title)

    assert len(got) == 2


def test_storescp_files_what_arrives(storage_scp: Dcmtk, tmp_path: Path) -> None:
    study = build_study(tmp_path, instances=2)

    dcmsend(storage_scp.port, study.files)

    assert len(storage_scp.files()) == 2


def test_pynetdicom_peer_keeps_part_10_bytes(peer: PynetdicomPeer, tmp_path: Path) -> None:
    study = build_study(tmp_path, instances=2)

    storescu(peer.port, study.files)

    assert set(peer.received) == set(study.instance_uids)
    assert all(content[128:132] == b"DICM" for content in peer.received.values())


def test_a_server_is_gone_after_its_block(tmp_path: Path) -> None:
    with storescp(tmp_path) as server:
        pass

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((LOOPBACK, server.port), timeout=1)


def test_a_missing_peer_is_an_error_and_not_a_skip() -> None:
    with pytest.raises(PeerError, match="run-tests"):
        program("no-such-peer")

"""TLS as a user sets it up: a config, the commands, and a receiver with a certificate."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.builders import build_study
from tests.support.certificates import Authority, authority
from tests.support.peers import LOOPBACK, Orthanc, free_port, orthanc
from tests.support.program import Adit

pytestmark = pytest.mark.peers


@pytest.fixture
def adit(tmp_path: Path) -> Adit:
    return Adit(tmp_path / "adit")


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    made = authority(tmp_path / "ca")
    for name in ("server", "client"):
        made.certificate(name)
    return made


def config(folder: Path, ours: Authority, port: int, ae_title: str, more: str = "") -> Path:
    """Write a config whose nodes are the same server, called in different ways."""
    path = folder / "config.yaml"
    address = f"ae_title: {ae_title}, host: {LOOPBACK}, port: {port}"
    good = f"{{ca: {ours.ca}, client_cert: {ours.folder / 'client.pem'}}}"
    path.write_text(
        "nodes:\n"
        f"  good: {{dimse: {{{address}, tls: {good}}}}}\n"
        f"  moving: {{dimse: {{{address}, tls: {good}}}, retrieve: [c-move]}}\n"
        f"  unknown: {{dimse: {{{address}, tls: true}}}}\n"
        f"  nobody: {{dimse: {{{address}, tls: {{ca: {ours.ca}}}}}}}\n"
        f"  plain: {{dimse: {{{address}}}}}\n{more}"
    )
    return path


@contextmanager
def tls_orthanc(folder: Path, ours: Authority, receiver: int) -> Generator[Orthanc]:
    options = {
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": str(ours.folder / "server.pem"),
        "DicomTlsPrivateKey": str(ours.folder / "server.pem"),
        "DicomTlsTrustedCertificates": str(ours.ca),
    }
    with orthanc(folder, options=options) as server:
        target = {"AET": "ADIT", "Host": LOOPBACK, "Port": receiver, "UseDicomTls": True}
        server.request("PUT", "/modalities/adit", target)
        yield server


def test_a_study_goes_out_and_comes_back_over_tls_by_get_and_by_move(
    adit: Adit, ours: Authority, tmp_path: Path
) -> None:
    study, port = build_study(tmp_path / "made", instances=3), free_port()
    receiver = f"receiver: {{port: {port}, tls: {{cert: {ours.folder / 'server.pem'}, ca: {ours.ca}}}}}\n"

    with tls_orthanc(tmp_path / "orthanc", ours, port) as server:
        path = config(tmp_path, ours, server.port, server.ae_title, receiver)
        echoed = adit("echo", "good", "--config", path)
        sent = adit("send", "good", study.folder, "--config", path)
        got = adit("get", "good", study.uid, "-o", tmp_path / "got", "--config", path)
        moved = adit("get", "moving", study.uid, "-o", tmp_path / "moved", "--config", path)
        refused = {name: adit("echo", name, "--config", path) for name in ("unknown", "nobody", "plain")}

    assert (echoed.code, "TLSv1." in echoed.out) == (0, True), echoed.err
    assert sent.code == 0, sent.err
    assert got.code == 0, got.err
    assert moved.code == 0, moved.err
    for folder in (tmp_path / "got", tmp_path / "moved"):
        assert sorted(file.stem for file in folder.rglob("*.dcm")) == sorted(study.instance_uids)
    assert [ended.code for ended in refused.values()] == [6, 6, 6]
    assert "signed by nobody we trust" in refused["unknown"].err
    assert "client_cert" in refused["nobody"].err
    assert "tls: true" in refused["plain"].err


def test_adit_receives_from_adit_over_tls_and_tells_who_came_without(
    adit: Adit, ours: Authority, tmp_path: Path
) -> None:
    study, port = build_study(tmp_path / "made", instances=2), free_port()
    path = config(tmp_path, ours, port, "RX")
    certificates = ("--tls-cert", ours.folder / "server.pem", "--tls-ca", ours.ca)
    where = ("--aet", "RX", "--port", str(port), "-o", tmp_path / "in")
    process = adit.start("receive", *where, *certificates)
    assert process.stderr is not None
    try:
        assert "RX receives on port" in process.stderr.readline()
        sent = adit("send", "good", study.folder, "--config", path)
        plain = adit("echo", "plain", "--config", path)
    finally:
        os.kill(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)

    assert sent.code == 0, sent.err
    assert plain.code == 6
    assert "received 2 instances" in err
    assert "it speaks plain DICOM on this port, where TLS is expected" in err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--tls-key", "k.pem"), "need --tls-cert"),
        (("--tls-cert", "missing.pem"), "missing.pem cannot be used as our certificate: No such file"),
        (("--tls-cert", "adit.yaml"), "adit.yaml cannot be used as our certificate: it holds no certificate"),
    ],
)
def test_a_receiver_without_a_usable_certificate_does_not_begin(
    adit: Adit, tmp_path: Path, options: tuple[str, str], said: str
) -> None:
    ended = adit("receive", "--port", "0", "-o", tmp_path / "in", *options)

    assert ended.code == 2
    assert said in ended.err

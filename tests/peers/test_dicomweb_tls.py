"""TLS towards DICOMweb services with certificates good and bad, made for this run."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from adit_cli.dicom.query import Level
from adit_cli.errors import NodeError
from adit_cli.jobfile.dicomweb import DicomwebPeer
from adit_cli.nodes.dicomweb.source import DicomwebSource
from adit_cli.nodes.retry import Tries
from tests.support.certificates import Authority, authority, server_context
from tests.support.http_peer import http_peer, json_reply

pytestmark = pytest.mark.peers


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("authority"))


def ask(spec: DicomwebPeer) -> None:
    with closing(DicomwebSource("PACS", spec, Tries(1), pause=lambda _: None)) as source:
        assert source.find(Level.STUDY, {"StudyInstanceUID": "1.2.3"}) == []


def refused_by_us(pem: Path, spec: dict[str, object]) -> NodeError:
    with http_peer(lambda _: json_reply([]), server_context(pem)) as peer:
        with pytest.raises(NodeError) as caught:
            ask(peer.spec(**spec))
        assert peer.seen == []
    return caught.value


def test_a_certificate_of_the_authority_we_were_told_of_is_trusted(ours: Authority) -> None:
    with http_peer(lambda _: json_reply([]), server_context(ours.certificate("good"))) as peer:
        ask(peer.spec(ca=str(ours.ca)))

    assert len(peer.seen) == 1


def test_a_certificate_of_an_unknown_authority_is_refused(ours: Authority) -> None:
    error = refused_by_us(ours.certificate("unknown"), {})

    assert "signed by nobody we trust" in error.message
    assert "`ca: FILE.pem`" in error.hint


def test_an_expired_certificate_is_refused(ours: Authority) -> None:
    error = refused_by_us(ours.certificate("old", expired=True), {"ca": str(ours.ca)})

    assert "has expired" in error.message
    assert not error.transient


def test_a_certificate_for_another_host_name_is_refused(ours: Authority) -> None:
    error = refused_by_us(ours.certificate("other", host="pacs.example.org"), {"ca": str(ours.ca)})

    assert "another host name" in error.message


def test_http_towards_a_tls_port_is_named(ours: Authority) -> None:
    with (
        http_peer(lambda _: json_reply([]), server_context(ours.certificate("plain"))) as peer,
        pytest.raises(NodeError, match="speaks TLS on this port") as caught,
    ):
        ask(DicomwebPeer(url=peer.url.replace("https:", "http:")))

    assert "https://" in caught.value.hint


def test_a_client_certificate_lets_us_in(ours: Authority) -> None:
    client = ours.certificate("client")
    context = server_context(ours.certificate("mutual"), clients_of=ours)

    with http_peer(lambda _: json_reply([]), context) as peer:
        ask(peer.spec(ca=str(ours.ca), client_cert=str(client)))

    assert len(peer.seen) == 1


def test_a_server_that_wants_a_client_certificate_is_named(ours: Authority) -> None:
    context = server_context(ours.certificate("strict"), clients_of=ours)

    with http_peer(lambda _: json_reply([]), context) as peer, pytest.raises(NodeError) as caught:
        ask(peer.spec(ca=str(ours.ca)))

    assert "`client_cert`" in caught.value.hint

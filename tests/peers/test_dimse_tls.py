"""DICOM over TLS with DCMTK, Orthanc and pynetdicom, in both roles; certificates good and bad, made here."""

from __future__ import annotations

import select
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from queue import Queue

import pytest
from pydantic import SecretStr
from pynetdicom import AE, evt

from adit_cli.dicom.files import file_meta_of, read_file_meta
from adit_cli.dicom.query import Level
from adit_cli.errors import NodeError, TransientNodeError, UsageError
from adit_cli.jobfile.node import DimsePeer, Limits, Timeouts
from adit_cli.jobfile.tls import Certificate, ReceiverTls, Tls
from adit_cli.nodes.base import Arrival, Delivered, Ready, RetrieveRequest
from adit_cli.nodes.dimse.destination import DimseDestination
from adit_cli.nodes.dimse.echo import echo
from adit_cli.nodes.dimse.receiver import Receiver, Reception
from adit_cli.nodes.dimse.scp import Happening, ReceiveEvent
from adit_cli.nodes.dimse.secure import SecureWire
from adit_cli.nodes.dimse.source import DimseSource
from adit_cli.nodes.retry import Tries
from adit_cli.nodes.tls import client_context
from tests.support.builders import BuiltStudy, build_study
from tests.support.certificates import Authority, authority, server_context
from tests.support.peers import LOOPBACK, Dcmtk, PynetdicomPeer, orthanc, run, serving, storescp
from tests.support.scripted import Talk, scripted_peer

pytestmark = pytest.mark.peers
CT = "1.2.840.10008.5.1.4.1.1.2"
ONCE = Tries(attempts=1)
PATIENT = Timeouts(connect=30, acse=30, dimse=60)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("others"))


@pytest.fixture(scope="module")
def server(ours: Authority) -> Path:
    return ours.certificate("server")


@pytest.fixture(scope="module")
def client(ours: Authority) -> Path:
    return ours.certificate("client")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> BuiltStudy:
    return build_study(tmp_path_factory.mktemp("study"), instances=3, size=512)


def node(port: int, tls: Tls | None, ae_title: str = "PEER") -> DimsePeer:
    return DimsePeer(ae_title=ae_title, host=LOOPBACK, port=port, tls=tls, timeouts=PATIENT)


def trusting(ca: Authority, client: Path | None = None) -> Tls:
    return Tls(ca=ca.ca, client_cert=None if client is None else Certificate(file=client))


def send(peer: DimsePeer, study: BuiltStudy) -> list[Delivered]:
    destination = DimseDestination("pacs", peer, "ADIT", Limits(associations=1), ONCE)
    with closing(destination):
        return [
            answer for path in study.files for answer in destination.begin("key").add([ready(path)])
        ]  # one by one: the association is idle in between


def ready(path: Path) -> Ready:
    meta = read_file_meta(path)
    return Ready(
        path, meta.sop_instance_uid, meta.sop_class_uid, meta.transfer_syntax_uid, path.stat().st_size
    )


def dataset(path: Path) -> bytes:
    return path.read_bytes()[read_file_meta(path).dataset_offset :]


def datasets(files: list[Path]) -> set[bytes]:
    return {dataset(path) for path in files}


def failed_echo(peer: DimsePeer) -> NodeError:
    with pytest.raises(NodeError) as caught:
        echo("pacs", peer, "ADIT")
    return caught.value


@contextmanager
def tls_storescp(folder: Path, pem: Path, *options: str) -> Generator[Dcmtk]:
    usual = ["--bit-preserving", "--promiscuous", "--accept-all", "--unique-filenames"]
    with storescp(folder, *usual, "--enable-tls", str(pem), str(pem), *options, ae_title="PEER") as peer:
        yield peer


@contextmanager
def receiving(folder: Path, tls: ReceiverTls | None) -> Generator[tuple[int, Queue[ReceiveEvent]]]:
    events = Queue[ReceiveEvent]()
    receiver = Receiver(Reception("PEER", 0, folder, LOOPBACK, tls=tls), events.put)
    thread = threading.Thread(target=receiver.run, daemon=True)
    thread.start()
    try:
        yield events.get(timeout=30).port, events
    finally:
        receiver.stop()
        thread.join(30)


def next_of(events: Queue[ReceiveEvent], happening: Happening) -> ReceiveEvent:
    while (event := events.get(timeout=30)).happening is not happening:
        pass
    return event


@contextmanager
def pynetdicom_scp(context: ssl.SSLContext) -> Generator[PynetdicomPeer]:
    ae = AE(ae_title="PEER")
    ae.add_supported_context("1.2.840.10008.1.1")
    ae.add_supported_context(CT, ["1.2.840.10008.1.2.1"])
    peer = PynetdicomPeer("PEER", 0)
    with serving(ae, [(evt.EVT_C_STORE, peer.keep)], context) as port:
        peer.port = port
        yield peer


def test_a_study_goes_to_storescp_that_wants_our_certificate(
    tmp_path: Path, ours: Authority, server: Path, client: Path, study: BuiltStudy
) -> None:
    with tls_storescp(tmp_path, server, "--add-cert-file", str(ours.ca)) as peer:
        told = send(node(peer.port, trusting(ours, client)), study)

    assert [one.accepted for one in told] == [True] * 3
    assert datasets(peer.files()) == datasets(study.files)


def test_storescu_sends_to_our_receiver_with_a_certificate(
    tmp_path: Path, ours: Authority, server: Path, client: Path, study: BuiltStudy
) -> None:
    with receiving(tmp_path, ReceiverTls(cert=Certificate(file=server), ca=ours.ca)) as (port, _):
        tls = ["--enable-tls", client, client, "--add-cert-file", ours.ca]
        run(["storescu", "--required", *tls, "--call", "PEER", LOOPBACK, str(port), *study.files])

    assert datasets(sorted(tmp_path.glob("*/*.dcm"))) == datasets(study.files)


def test_pynetdicom_speaks_tls_with_us_as_server_and_as_client(
    tmp_path: Path, ours: Authority, server: Path, study: BuiltStudy
) -> None:
    with pynetdicom_scp(server_context(server)) as peer:
        told = send(node(peer.port, trusting(ours)), study)
        sent = dict(peer.received)
    ae = AE(ae_title="CLIENT")
    ae.add_requested_context(CT, ["1.2.840.10008.1.2.1"])
    with receiving(tmp_path, ReceiverTls(cert=Certificate(file=server))) as (port, _):
        context = ssl.create_default_context(cafile=ours.ca)
        assoc = ae.associate(LOOPBACK, port, ae_title="PEER", tls_args=(context, LOOPBACK))  # pyright: ignore[reportUnknownMemberType]  # pynetdicom's types are partial
        statuses = [int(assoc.send_c_store(path)["Status"].value) for path in study.files]
        assoc.release()

    assert [one.accepted for one in told] == [True] * 3
    assert {one[file_meta_of(one, "received").dataset_offset :] for one in sent.values()} == datasets(
        study.files
    )
    assert statuses == [0, 0, 0]
    assert datasets(sorted(tmp_path.glob("*/*.dcm"))) == datasets(study.files)


def test_orthanc_is_stored_to_queried_and_fetched_from_over_tls(
    tmp_path: Path, ours: Authority, server: Path, client: Path, study: BuiltStudy
) -> None:
    options = {
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": str(server),
        "DicomTlsPrivateKey": str(server),
        "DicomTlsTrustedCertificates": str(ours.ca),
    }
    arrived: list[Arrival] = []
    (tmp_path / "spool").mkdir()

    with orthanc(tmp_path / "orthanc", options=options) as pacs:
        spec = node(pacs.port, trusting(ours, client), pacs.ae_title)
        told = send(spec, study)
        with closing(DimseSource("pacs", spec, "ADIT", Limits(associations=1), ONCE)) as source:
            (found,) = source.find(Level.STUDY, {"PatientID": study.patient_id})
            failed = source.retrieve(RetrieveRequest(study.uid), tmp_path / "spool", arrived.append)

    assert [one.accepted for one in told] == [True] * 3
    assert found["StudyInstanceUID"] == study.uid
    assert failed == []
    assert datasets([one.path for one in arrived]) == datasets(study.files)


def test_an_association_over_tls_is_kept_while_it_is_idle(
    tmp_path: Path, ours: Authority, server: Path, study: BuiltStudy
) -> None:
    with receiving(tmp_path, ReceiverTls(cert=Certificate(file=server))) as (port, events):
        told = send(node(port, trusting(ours)), study)
        next_of(events, Happening.ENDED)
        seen = [event.happening for event in _rest(events)]

    assert [one.accepted for one in told] == [True] * 3
    assert Happening.OPENED not in seen


def test_session_tickets_are_no_sign_of_an_answer(ours: Authority, server: Path) -> None:
    served: Queue[SecureWire] = Queue()

    def serve(listener: socket.socket) -> None:
        wire = SecureWire(listener.accept()[0], 30, server_context(server))
        wire.handshake()
        served.put(wire)

    with socket.create_server((LOOPBACK, 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        near = socket.create_connection(listener.getsockname())
        wire = SecureWire(near, 30, client_context(ours.ca, None), LOOPBACK)
        wire.handshake()
        answering = served.get(timeout=30)
        ticket_came, _, _ = select.select([wire.sock], [], [], 30)

        assert ticket_came
        assert wire.quiet()
        answering.send(b"answer")
        assert select.select([wire.sock], [], [], 30)[0]
        assert not wire.quiet()
        assert bytes(wire.exactly(6)) == b"answer"
        answering.close()
        assert select.select([wire.sock], [], [], 30)[0]
        assert not wire.quiet()
        wire.close()


def _rest(events: Queue[ReceiveEvent]) -> list[ReceiveEvent]:
    return [events.get_nowait() for _ in range(events.qsize())]


@pytest.mark.parametrize(
    ("host", "said", "hint"),
    [(LOOPBACK, "has expired", "renewed"), ("pacs.example.org", "another host name", "`server_name`")],
)
def test_a_server_certificate_that_is_not_good_is_named(
    tmp_path: Path, ours: Authority, host: str, said: str, hint: str
) -> None:
    pem = ours.certificate("bad", host=host, expired=host == LOOPBACK)

    with receiving(tmp_path, ReceiverTls(cert=Certificate(file=pem))) as (port, events):
        error = failed_echo(node(port, trusting(ours)))
        told = next_of(events, Happening.ENDED).message

    assert said in error.message
    assert hint in error.hint
    assert not error.transient
    assert "TLS handshake failed" in told


def test_a_certificate_may_be_for_another_name_that_the_node_gives(tmp_path: Path, ours: Authority) -> None:
    pem = ours.certificate("named", host="pacs.example.org")
    tls = Tls(ca=ours.ca, server_name="pacs.example.org")

    with receiving(tmp_path, ReceiverTls(cert=Certificate(file=pem))) as (port, _):
        report = echo("pacs", node(port, tls), "ADIT")

    assert report.accepted


def test_the_authorities_of_the_system_are_trusted_where_none_are_named(
    tmp_path: Path, ours: Authority, server: Path, study: BuiltStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(ours.ca))

    with tls_storescp(tmp_path, server, "--ignore-peer-cert") as peer:
        told = send(node(peer.port, Tls()), study)

    assert [one.accepted for one in told] == [True] * 3


def test_a_server_of_an_unknown_authority_is_named(
    tmp_path: Path, ours: Authority, theirs: Authority, server: Path
) -> None:
    assert theirs.ca != ours.ca
    with tls_storescp(tmp_path, server, "--ignore-peer-cert") as peer:
        untrusted = failed_echo(node(peer.port, trusting(theirs)))
        unknown = failed_echo(node(peer.port, Tls()))

    assert "signed by nobody we trust" in untrusted.message
    assert "signed by nobody we trust" in unknown.message
    assert "`ca: FILE.pem`" in unknown.hint


@pytest.mark.parametrize("own", [False, True])
def test_a_server_that_does_not_take_our_certificate_or_lack_of_one_is_named(
    tmp_path: Path,
    ours: Authority,
    theirs: Authority,
    server: Path,
    own: bool,  # noqa: FBT001 - a parameter
) -> None:
    wrong = theirs.certificate("stranger") if own else None

    with receiving(tmp_path / "in", ReceiverTls(cert=Certificate(file=server), ca=ours.ca)) as (port, events):
        by_us = failed_echo(node(port, trusting(ours, wrong)))
        told = next_of(events, Happening.ENDED).message
    with tls_storescp(tmp_path, server, "--add-cert-file", str(ours.ca)) as peer:
        by_dcmtk = failed_echo(node(peer.port, trusting(ours, wrong)))

    for error in (by_us, by_dcmtk):
        assert "pacs (PEER@" in error.message
        assert "`client_cert`" in error.hint
    assert "certificate" in told


def test_plain_dicom_towards_a_tls_port_is_named_on_both_sides(tmp_path: Path, server: Path) -> None:
    with receiving(tmp_path / "in", ReceiverTls(cert=Certificate(file=server))) as (port, events):
        by_us = failed_echo(node(port, None))
        told = next_of(events, Happening.ENDED).message
    with tls_storescp(tmp_path, server, "--ignore-peer-cert") as peer:
        by_dcmtk = failed_echo(node(peer.port, None))

    for error in (by_us, by_dcmtk):
        assert "speaks TLS on this port, where plain DICOM was expected" in error.message
        assert "`tls: true`" in error.hint
        assert not error.transient
    assert "plain DICOM on this port, where TLS is expected" in told


def test_tls_towards_a_plain_port_is_named_on_both_sides(tmp_path: Path, storage_scp: Dcmtk) -> None:
    with receiving(tmp_path / "in", None) as (port, events):
        by_us = failed_echo(node(port, Tls()))
        told = next_of(events, Happening.ENDED).message
    by_dcmtk = failed_echo(node(storage_scp.port, Tls()))

    for error in (by_us, by_dcmtk):
        assert "does not speak TLS on this port" in error.message
        assert "`tls`" in error.hint
        assert not error.transient
    assert "speaks TLS on this port, where plain DICOM was expected" in told


def test_nobody_that_listens_is_not_taken_for_tls(tmp_path: Path) -> None:
    with receiving(tmp_path, None) as (port, _):
        pass

    error = failed_echo(node(port, Tls()))

    assert isinstance(error, TransientNodeError)
    assert "cannot be reached" in error.message


def test_files_that_are_no_certificates_are_named(tmp_path: Path, ours: Authority, server: Path) -> None:
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("nonsense")
    specs = [Tls(ca=nonsense), Tls(ca=tmp_path / "missing.pem"), trusting(ours, nonsense)]
    receivers = [
        ReceiverTls(cert=Certificate(file=nonsense)),
        ReceiverTls(cert=Certificate(file=server), ca=nonsense),
    ]

    with receiving(tmp_path / "in", ReceiverTls(cert=Certificate(file=server))) as (port, _):
        for spec in specs:
            with pytest.raises(UsageError, match=r"(nonsense|missing)\.pem cannot be used"):
                echo("pacs", node(port, spec), "ADIT")
    for spec in receivers:
        with pytest.raises(UsageError, match=r"nonsense\.pem cannot be used"):
            Receiver(Reception("PEER", 0, tmp_path / "no", LOOPBACK, tls=spec), print).run()


def test_a_key_with_a_password_is_opened_with_it_only(
    tmp_path: Path, ours: Authority, server: Path, client: Path
) -> None:
    locked = tmp_path / "locked.key"
    run(["openssl", "pkey", "-in", client, "-aes256", "-passout", "pass:a secret", "-out", locked])
    receiver = ReceiverTls(cert=Certificate(file=server), ca=ours.ca)

    with receiving(tmp_path / "in", receiver) as (port, _):
        for password in (None, SecretStr("wrong")):
            own = Certificate(file=client, key=locked, password=password)
            with pytest.raises(UsageError, match="cannot be used as our certificate") as caught:
                echo("pacs", node(port, Tls(ca=ours.ca, client_cert=own)), "ADIT")
            assert "wrong" not in caught.value.message
        own = Certificate(file=client, key=locked, password=SecretStr("a secret"))
        report = echo("pacs", node(port, Tls(ca=ours.ca, client_cert=own)), "ADIT")

    assert report.accepted


def test_a_caller_with_an_expired_certificate_is_refused(
    tmp_path: Path, ours: Authority, server: Path
) -> None:
    old = ours.certificate("old-client", expired=True)

    with receiving(tmp_path, ReceiverTls(cert=Certificate(file=server), ca=ours.ca)) as (port, events):
        failed_echo(node(port, trusting(ours, old)))
        told = next_of(events, Happening.ENDED).message

    assert "its certificate is not accepted (certificate has expired)" in told


def test_a_server_with_only_outdated_tls_is_named(ours: Authority) -> None:
    def refuse(talk: Talk) -> None:
        talk.sock.recv(1 << 16)
        talk.sock.sendall(b"\x15\x03\x01\x00\x02\x02\x46")  # fatal alert: protocol version

    with scripted_peer(refuse) as peer:
        error = failed_echo(node(peer.port, trusting(ours)))

    assert "offers only outdated TLS" in error.message
    assert not error.transient


def test_openssl_is_not_loaded_where_no_node_speaks_tls() -> None:
    modules = "adit_cli.nodes.dimse.source, adit_cli.nodes.dimse.destination, adit_cli.nodes.dimse.receiver"
    program = f"import sys, {modules}; sys.exit('ssl' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

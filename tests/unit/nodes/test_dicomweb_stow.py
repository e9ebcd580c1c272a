"""Storing over DICOMweb: what is sent, and what a server says of each instance."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from email import message_from_bytes
from pathlib import Path

import pytest

from adit_cli.dicom.files import read_file_meta
from adit_cli.errors import NodeError, Reason, TransientNodeError
from adit_cli.jobfile.dicomweb import DicomwebPeer
from adit_cli.nodes.base import Delivered, Ready
from adit_cli.nodes.dicomweb import destination
from adit_cli.nodes.dicomweb.destination import DicomwebDestination
from tests.support.builders import build_study
from tests.support.http_peer import Answer, HttpPeer, Reply, Seen, http_peer, json_reply
from tests.support.process import LOOPBACK


@pytest.fixture
def files(tmp_path: Path) -> list[Ready]:
    return [ready(path) for path in build_study(tmp_path, instances=5).files]


def ready(path: Path) -> Ready:
    meta = read_file_meta(path)
    return Ready(
        path, meta.sop_instance_uid, meta.sop_class_uid, meta.transfer_syntax_uid, path.stat().st_size
    )


def sent(seen: Seen) -> list[bytes]:
    """Return the parts of a request as an independent parser reads them."""
    head = f"Content-Type: {seen.headers['content-type']}\r\n\r\n".encode()
    message = message_from_bytes(head + seen.body)
    contents = [part.get_payload(decode=True) for part in message.walk() if not part.is_multipart()]
    return [content for content in contents if isinstance(content, bytes)]


def uids_in(seen: Seen, files: Sequence[Ready]) -> list[str]:
    return [file.uid for file in files if file.uid.encode() in seen.body]


def said(
    stored: Mapping[str, int | None], failed: Mapping[str, int] | None = None
) -> dict[str, dict[str, object]]:
    """Return the data set of an answer: instances with a warning or none, and those refused."""

    def item(uid: str, tag: str, code: int | None) -> dict[str, object]:
        reason = {tag: {"vr": "US", "Value": [code]}} if code is not None else {}
        return {"00081155": {"vr": "UI", "Value": [uid]}, **reason}

    return {
        "00081199": {"vr": "SQ", "Value": [item(uid, "00081196", code) for uid, code in stored.items()]},
        "00081198": {
            "vr": "SQ",
            "Value": [item(uid, "00081197", code) for uid, code in (failed or {}).items()],
        },
    }


@contextmanager
def storing(answer: Answer) -> Generator[tuple[DicomwebDestination, HttpPeer]]:
    with (
        http_peer(answer) as peer,
        closing(DicomwebDestination("PACS", peer.spec(), pause=lambda _: None)) as server,
    ):
        yield server, peer


def deliver(answer: Answer, files: Sequence[Ready]) -> tuple[list[Delivered], list[Seen]]:
    with storing(answer) as (server, peer):
        delivery = server.begin("task")
        return [*delivery.add(files), *delivery.finish()], peer.seen


def accepting(files: Sequence[Ready]) -> Answer:
    return lambda seen: json_reply(said(dict.fromkeys(uids_in(seen, files))))


def test_files_leave_byte_for_byte_in_one_request(files: list[Ready]) -> None:
    told, seen = deliver(accepting(files), files)

    assert told == [Delivered(file.uid, accepted=True) for file in files]
    assert [(one.method, one.path) for one in seen] == [("POST", "/dicom-web/studies")]
    assert sent(seen[0]) == [file.path.read_bytes() for file in files]
    assert (
        seen[0].headers["content-type"].startswith('multipart/related; type="application/dicom"; boundary=')
    )


def test_requests_stay_below_a_size(files: list[Ready], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(destination, "LARGEST_REQUEST", 2 * files[0].size + 10)

    told, seen = deliver(accepting(files), files)

    assert [len(sent(one)) for one in seen] == [2, 2, 1]
    assert [one.uid for one in told] == [file.uid for file in files]


def test_a_file_larger_than_a_request_should_be_goes_alone(
    files: list[Ready], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(destination, "LARGEST_REQUEST", 1)

    _, seen = deliver(accepting(files), files)

    assert [len(sent(one)) for one in seen] == [1] * 5


def test_what_waits_is_forgotten_when_a_delivery_is_abandoned(files: list[Ready]) -> None:
    with storing(accepting(files)) as (server, peer):
        delivery = server.begin("task")
        delivery.add(files)
        delivery.abandon()
        assert delivery.finish() == []

    assert peer.seen == []


def test_an_instance_that_is_refused_is_named_with_its_code(files: list[Ready]) -> None:
    failed = {files[1].uid: 0xA700, files[2].uid: 0x0122, files[3].uid: 0xC123}
    answer = json_reply(said({files[0].uid: None, files[4].uid: None}, failed), 202)

    told, _ = deliver(lambda _: answer, files)

    assert [one.accepted for one in told] == [True, False, False, False, True]
    assert [one.reason for one in told[1:4]] == [Reason.REFUSED, Reason.NO_CONTEXT, Reason.REJECTED]
    assert "0xA700" in told[1].message


def test_a_warning_is_passed_on_and_the_instance_is_taken(files: list[Ready]) -> None:
    answer = json_reply(said({file.uid: 0xB006 for file in files}), 202)

    told, _ = deliver(lambda _: answer, files)

    assert all(one.accepted and one.reason is None for one in told)
    assert "0xB006" in told[0].message


def test_an_instance_that_is_there_already_is_taken(files: list[Ready]) -> None:
    told, _ = deliver(lambda _: json_reply(said({}, {file.uid: 0x0111 for file in files}), 409), files)

    assert all(one.accepted for one in told)


def test_an_instance_the_server_does_not_confirm_is_not_taken(files: list[Ready]) -> None:
    told, _ = deliver(lambda _: json_reply(said(dict.fromkeys(one.uid for one in files[1:]))), files)

    assert [one.accepted for one in told] == [False, True, True, True, True]


@pytest.mark.parametrize("status", [200, 204])
def test_success_without_a_body_takes_all_and_needs_an_eye(files: list[Ready], status: int) -> None:
    told, _ = deliver(lambda _: Reply(status), files)

    assert all(one.accepted and one.reason is Reason.REJECTED for one in told)
    assert f"{status} and did not list" in told[0].message


@pytest.mark.parametrize("status", [200, 201, 202])
def test_what_a_success_lists_is_taken(files: list[Ready], status: int) -> None:
    told, _ = deliver(lambda _: json_reply(said({file.uid: None for file in files}), status), files)

    assert all(one.accepted and one.reason is None for one in told)


def test_a_compressed_answer_to_a_store_is_named(files: list[Ready]) -> None:
    answer = Reply(200, b"\x1f\x8b", "application/dicom+json", {"Content-Encoding": "gzip"})

    with pytest.raises(NodeError, match="compressed"):
        deliver(lambda _: answer, files)


@pytest.mark.parametrize("status", [202, 409])
def test_half_a_success_without_a_body_takes_none(files: list[Ready], status: int) -> None:
    told, _ = deliver(lambda _: Reply(status), files)

    assert not any(one.accepted for one in told)


def test_an_answer_in_xml_is_read_too(files: list[Ready]) -> None:
    stored = "".join(xml_item(file.uid, "00081196", 0xB000) for file in files[:4])
    refused = xml_item(files[4].uid, "00081197", 0x0110)
    body = (
        '<?xml version="1.0"?><NativeDicomModel xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM">'
        f'<DicomAttribute tag="00081199" vr="SQ">{stored}</DicomAttribute>'
        f'<DicomAttribute tag="00081198" vr="SQ">{refused}</DicomAttribute>'
        "</NativeDicomModel>"
    )

    told, _ = deliver(lambda _: Reply(202, body.encode(), "application/dicom+xml"), files)

    assert [one.accepted for one in told] == [True, True, True, True, False]
    assert "0x0110" in told[4].message


def xml_item(uid: str, tag: str, code: int) -> str:
    return (
        '<Item number="1"><DicomAttribute tag="00081155" vr="UI">'
        f'<Value number="1">{uid}</Value></DicomAttribute>'
        f'<DicomAttribute tag="{tag}" vr="US"><Value number="1">{code}</Value></DicomAttribute></Item>'
    )


@pytest.mark.parametrize("status", [400, 413, 415, 500])
def test_one_bad_file_does_not_cost_the_others(files: list[Ready], status: int) -> None:
    bad = files[2].uid

    def answer(seen: Seen) -> Reply:
        return Reply(status) if bad.encode() in seen.body else accepting(files)(seen)

    told, _ = deliver(answer, files)

    assert {one.uid: one.accepted for one in told} == {file.uid: file.uid != bad for file in files}
    (refused,) = (one for one in told if not one.accepted)
    assert str(status) in refused.message


def test_a_file_that_went_away_or_changed_does_not_cost_the_others(files: list[Ready]) -> None:
    files[1].path.unlink()
    files[3].path.write_bytes(b"longer than it was" * 1000)

    told, seen = deliver(accepting(files), files)

    assert {one.uid for one in told if not one.accepted} == {files[1].uid, files[3].uid}
    assert all("cannot be read, or changed" in one.message for one in told if not one.accepted)
    assert (len(told), len(seen)) == (len(files), 1)


def not_looked_at(_: Ready) -> bool:
    return True


@pytest.mark.parametrize("change", [b"short", None])
def test_a_file_that_changes_while_it_is_sent_breaks_the_request_off(
    files: list[Ready], monkeypatch: pytest.MonkeyPatch, change: bytes | None
) -> None:
    monkeypatch.setattr("adit_cli.nodes.dicomweb.destination.is_as_it_was", not_looked_at)
    if change is None:
        files[2].path.unlink()
    else:
        files[2].path.write_bytes(change)

    with pytest.raises(TransientNodeError, match=files[2].uid):
        deliver(accepting(files), files)


def test_a_server_that_refuses_everything_is_given_up_soon(files: list[Ready]) -> None:
    with storing(lambda _: Reply(500)) as (server, peer):
        delivery = server.begin("task")
        delivery.add(files)
        with pytest.raises(TransientNodeError, match="500"):
            delivery.finish()

    assert len(peer.seen) == 6


@pytest.mark.parametrize(
    ("status", "reason"),
    [(401, Reason.REFUSED), (403, Reason.REFUSED), (404, Reason.NOT_FOUND), (405, Reason.NO_CONTEXT)],
)
def test_a_service_that_refuses_us_is_an_error(files: list[Ready], status: int, reason: Reason) -> None:
    with pytest.raises(NodeError, match=str(status)) as caught:
        deliver(lambda _: Reply(status), files)

    assert caught.value.reason is reason
    assert not caught.value.transient


def test_a_login_page_is_not_taken_for_success(files: list[Ready]) -> None:
    with pytest.raises(NodeError, match="a web page"):
        deliver(lambda _: Reply(200, b"<html>", "text/html"), files)


def test_the_words_of_the_server_are_not_repeated(files: list[Ready]) -> None:
    body = json.dumps({"Details": "Doe^Jane was refused"}).encode()

    told, _ = deliver(lambda _: Reply(409, body, "application/json"), files)

    assert not any("Doe" in one.message for one in told)


def test_a_server_that_refuses_before_it_has_read_everything_is_heard(tmp_path: Path) -> None:
    path = tmp_path / "large.dcm"
    with path.open("wb") as file:
        file.truncate(64 << 20)
    large = Ready(path, "1.2.3", "1.2", "1.2.840.10008.1.2.1", path.stat().st_size)

    with socket.create_server((LOOPBACK, 0)) as listener:
        hasty = threading.Thread(target=refuse_at_once, args=(listener,))
        hasty.start()
        spec = DicomwebPeer(url=f"http://{LOOPBACK}:{listener.getsockname()[1]}/rs")
        with closing(DicomwebDestination("PACS", spec)) as server:
            delivery = server.begin("task")
            delivery.add([large])
            (told,) = delivery.finish()
        hasty.join()

    assert not told.accepted
    assert "413" in told.message


def refuse_at_once(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

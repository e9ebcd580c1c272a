"""The way to a DICOMweb service: who we are, busy servers, broken lines, proxies, and what errors say."""

from __future__ import annotations

import socket
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from traceback import format_exception

import pytest

from adit_cli.dicom.query import Level
from adit_cli.errors import AditError, NodeError, Reason, TransientNodeError, UsageError
from adit_cli.jobfile.dicomweb import DicomwebPeer
from adit_cli.nodes.dicomweb.source import DicomwebSource
from adit_cli.nodes.retry import Tries
from tests.support.http_peer import HttpPeer, Reply, Seen, http_peer, json_reply
from tests.support.process import LOOPBACK, free_port

ONE = {"StudyInstanceUID": "1.2.3"}
SECRET = "s3cr3t-t0ken"  # noqa: S105 - made up


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def ask(spec: DicomwebPeer, pause: Callable[[float], None] = lambda _: None) -> None:
    with closing(DicomwebSource("PACS", spec, Tries(1), pause)) as source:
        source.find(Level.STUDY, ONE)


def test_a_token_is_sent_as_bearer() -> None:
    with http_peer(lambda _: json_reply([])) as peer:
        ask(peer.spec(auth={"bearer": SECRET}))

    assert peer.seen[0].headers["authorization"] == f"Bearer {SECRET}"


def test_user_and_password_are_sent_as_basic() -> None:
    with http_peer(lambda _: json_reply([])) as peer:
        ask(peer.spec(auth={"basic": {"username": "adit", "password": "pä:ss"}}))

    assert peer.seen[0].headers["authorization"] == "Basic " + b64encode("adit:pä:ss".encode()).decode()


def test_headers_of_the_node_are_sent() -> None:
    with http_peer(lambda _: json_reply([])) as peer:
        ask(peer.spec(headers={"X-Api-Key": SECRET}))

    assert peer.seen[0].headers["x-api-key"] == SECRET


@pytest.mark.parametrize(
    ("status", "reason", "hint"),
    [
        (302, Reason.REFUSED, "leads elsewhere"),
        (401, Reason.REFUSED, "`auth`"),
        (403, Reason.REFUSED, "permission"),
        (404, Reason.NOT_FOUND, "URL"),
        (405, Reason.NO_CONTEXT, "does not offer"),
        (501, Reason.NO_CONTEXT, "does not offer"),
    ],
)
def test_a_refusal_says_what_to_do(status: int, reason: Reason, hint: str) -> None:
    with http_peer(lambda _: Reply(status)) as peer, pytest.raises(NodeError, match=str(status)) as caught:
        ask(peer.spec(auth={"bearer": SECRET}))

    assert caught.value.reason is reason
    assert hint in caught.value.hint
    assert not caught.value.transient


@pytest.mark.parametrize("length", [10, 1000])
def test_a_refusal_is_heard_however_its_body_ends(length: int) -> None:
    reply = Reply(401, b"\x1f\x8b" * 5, "text/html", {"Content-Encoding": "gzip"}, length=length)

    with http_peer(lambda _: reply) as peer, pytest.raises(NodeError, match="401"):
        ask(peer.spec())


@pytest.mark.parametrize("status", [500, 502, 504, 599])
def test_a_failure_inside_the_server_may_pass(status: int) -> None:
    with http_peer(lambda _: Reply(status)) as peer, pytest.raises(TransientNodeError, match=str(status)):
        ask(peer.spec())


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again_after_the_time_it_names(status: int) -> None:
    replies = [Reply(status, headers={"Retry-After": "7"}), Reply(status), json_reply([])]
    pauses: list[float] = []

    with http_peer(lambda _: replies.pop(0)) as peer:
        ask(peer.spec(), pauses.append)

    assert pauses == [7, 2]


def test_the_time_to_wait_may_be_a_date() -> None:
    when = format_datetime(datetime.now(tz=UTC) + timedelta(seconds=55), usegmt=True)
    replies = [Reply(503, headers={"Retry-After": when}), json_reply([])]
    pauses: list[float] = []

    with http_peer(lambda _: replies.pop(0)) as peer:
        ask(peer.spec(), pauses.append)

    assert 0 < pauses[0] <= 55


def test_a_server_that_stays_busy_is_left_for_later() -> None:
    with http_peer(lambda _: Reply(503)) as peer, pytest.raises(TransientNodeError, match="503"):
        ask(peer.spec())

    assert len(peer.seen) == 4


def test_nobody_waits_an_hour_inside_a_request() -> None:
    pauses: list[float] = []
    reply = Reply(429, headers={"Retry-After": "3600"})

    with http_peer(lambda _: reply) as peer, pytest.raises(TransientNodeError, match="429"):
        ask(peer.spec(), pauses.append)

    assert pauses == []


def test_one_connection_serves_many_requests() -> None:
    with http_peer(lambda _: json_reply([])) as peer, closing(DicomwebSource("PACS", peer.spec())) as source:
        for _ in range(3):
            source.find(Level.STUDY, ONE)

    assert (len(peer.seen), peer.connections) == (3, 1)


def test_an_idle_connection_that_the_server_closed_is_opened_again() -> None:
    closing_first = json_reply([])
    replies = [closing_first, Reply(raw=b""), json_reply([])]

    with (
        http_peer(lambda _: replies.pop(0)) as peer,
        closing(DicomwebSource("PACS", peer.spec(), Tries(1))) as source,
    ):
        source.find(Level.STUDY, ONE)
        source.find(Level.STUDY, ONE)

    assert peer.connections == 2


def test_nobody_listens() -> None:
    spec = DicomwebPeer(url=f"http://{LOOPBACK}:{free_port()}")

    with pytest.raises(TransientNodeError, match="refused the connection") as caught:
        ask(spec)

    assert caught.value.reason is Reason.UNREACHABLE


@pytest.mark.parametrize("host", ["no-such-host.invalid", "no..host.invalid", f"{'x' * 64}.invalid"])
def test_a_host_name_that_nobody_knows(host: str) -> None:
    with pytest.raises(TransientNodeError, match="no known address"):
        ask(DicomwebPeer(url=f"http://{host}/dicom-web"))


def test_a_server_that_hangs_up_without_an_answer() -> None:
    with http_peer(lambda _: Reply(raw=b"")) as peer, pytest.raises(TransientNodeError, match="broke off"):
        ask(peer.spec())


def test_something_that_is_not_http() -> None:
    with (
        http_peer(lambda _: Reply(raw=b"220 smtp\r\n")) as peer,
        pytest.raises(TransientNodeError, match="not whole HTTP"),
    ):
        ask(peer.spec())


def test_a_server_that_stays_silent_is_a_timeout() -> None:
    with socket.create_server((LOOPBACK, 0)) as silent:
        url = f"http://{LOOPBACK}:{silent.getsockname()[1]}"
        with pytest.raises(TransientNodeError, match=r"silent for 0\.05 s") as caught:
            ask(DicomwebPeer.model_validate({"url": url, "timeouts": {"read": 0.05}}))

    assert caught.value.reason is Reason.TIMEOUT


def test_a_server_that_was_silent_is_asked_anew_on_another_connection() -> None:
    with socket.create_server((LOOPBACK, 0)) as silent:
        url = f"http://{LOOPBACK}:{silent.getsockname()[1]}"
        spec = DicomwebPeer.model_validate({"url": url, "timeouts": {"read": 0.05}})
        with (
            closing(DicomwebSource("PACS", spec, Tries(3, first_pause=0))) as source,
            pytest.raises(TransientNodeError, match="silent for"),
        ):
            source.find(Level.STUDY, ONE)


def test_a_compressed_body_nobody_asked_for_is_named() -> None:
    reply = Reply(200, b"\x1f\x8b", "application/dicom+json", {"Content-Encoding": "gzip"})

    with http_peer(lambda _: reply) as peer, pytest.raises(NodeError, match="compressed"):
        ask(peer.spec())


def test_https_towards_a_plain_port_is_named() -> None:
    with http_peer(lambda _: json_reply([])) as peer:
        url = peer.url.replace("http:", "https:")
        with pytest.raises(NodeError, match="does not speak TLS") as caught:
            ask(DicomwebPeer(url=url))

    assert "http://" in caught.value.hint


def test_a_proxy_of_the_environment_is_used_with_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    with http_peer(lambda _: json_reply([])) as proxy:
        monkeypatch.setenv("http_proxy", f"http://user:pa%20ss@{LOOPBACK}:{proxy.port}")
        ask(DicomwebPeer(url="http://pacs.invalid:8042/dicom-web"))

    assert proxy.seen[0].target.startswith("http://pacs.invalid:8042/dicom-web/studies?")
    assert proxy.seen[0].headers["host"] == "pacs.invalid:8042"
    assert proxy.seen[0].headers["proxy-authorization"] == "Basic " + b64encode(b"user:pa ss").decode()


@pytest.mark.parametrize("excepted", ["{host}", "{host}:{port}", "1.0.0.0/8, 127.0.0.0/8", "x/y,127.0.0.1/8"])
def test_no_proxy_excepts_a_host(monkeypatch: pytest.MonkeyPatch, excepted: str) -> None:
    monkeypatch.setenv("http_proxy", f"http://{LOOPBACK}:1")

    with http_peer(lambda _: json_reply([])) as peer:
        monkeypatch.setenv("no_proxy", excepted.format(host=LOOPBACK, port=peer.port))
        ask(peer.spec())

    assert len(peer.seen) == 1


@pytest.mark.parametrize("excepted", ["10.0.0.0/8", "127.0.0.1:1", "localhost"])
def test_no_proxy_excepts_no_other_host(monkeypatch: pytest.MonkeyPatch, excepted: str) -> None:
    with http_peer(lambda _: json_reply([])) as proxy:
        monkeypatch.setenv("http_proxy", f"http://{LOOPBACK}:{proxy.port}")
        monkeypatch.setenv("no_proxy", excepted)
        ask(DicomwebPeer(url=f"http://{LOOPBACK}:2/dicom-web"))

    assert len(proxy.seen) == 1


@pytest.mark.parametrize("status", [403, 503])
def test_what_a_proxy_answers_is_not_taken_for_the_word_of_the_server_alone(
    monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    with http_peer(lambda _: Reply(status)) as proxy:
        for scheme in ("http", "https"):
            monkeypatch.setenv(f"{scheme}_proxy", f"http://{LOOPBACK}:{proxy.port}")
            with pytest.raises(NodeError, match=str(status)) as caught:
                ask(DicomwebPeer(url=f"{scheme}://pacs.invalid/dicom-web"))
            assert f"the proxy {LOOPBACK}:{proxy.port}" in caught.value.message


@pytest.mark.parametrize(
    "url", [f"http://user:{SECRET}/x@host:3128", f"http://[{SECRET}", "http://host:port"]
)
def test_a_proxy_that_is_no_url_is_refused_without_showing_its_password(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("http_proxy", url)

    with pytest.raises(UsageError, match="no URL with host and port") as caught:
        ask(DicomwebPeer(url="http://pacs.invalid/dicom-web"))

    assert SECRET not in "".join(format_exception(caught.value))


def test_https_goes_through_a_tunnel_that_a_proxy_may_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    with http_peer(lambda _: Reply(407)) as proxy:
        monkeypatch.setenv("https_proxy", f"http://{LOOPBACK}:{proxy.port}")
        with pytest.raises(NodeError, match="proxy wants a user and password"):
            ask(DicomwebPeer(url="https://pacs.invalid/dicom-web"))

    assert [(seen.method, seen.target) for seen in proxy.seen] == [("CONNECT", "pacs.invalid:443")]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_cannot_be_reached_is_named_and_not_the_server(
    monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setenv(f"{scheme}_proxy", f"http://user:{SECRET}@{LOOPBACK}:1")

    with pytest.raises(TransientNodeError, match=f"proxy {LOOPBACK}:1") as caught:
        ask(DicomwebPeer(url=f"{scheme}://pacs.invalid/dicom-web"))

    assert f"{scheme}_proxy" in caught.value.hint
    assert SECRET not in caught.value.message + caught.value.hint


def test_a_socks_proxy_is_refused_without_showing_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", f"socks5://user:{SECRET}@{LOOPBACK}:1")

    with pytest.raises(UsageError, match="only http:// proxies") as caught:
        ask(DicomwebPeer(url="http://pacs.invalid"))

    assert SECRET not in caught.value.message


@pytest.mark.parametrize("key", ["ca", "client_cert"])
def test_a_certificate_file_that_cannot_be_read_is_named(tmp_path: Path, key: str) -> None:
    (tmp_path / "broken.pem").write_text("no certificate")

    for name in ("missing.pem", "broken.pem"):
        spec = DicomwebPeer.model_validate({"url": "https://pacs.invalid", key: str(tmp_path / name)})
        with pytest.raises(UsageError, match=name) as caught:
            ask(spec)
        assert key in caught.value.hint


def test_secrets_are_in_no_repr_and_no_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    secrets = {"auth": {"basic": {"username": "adit", "password": SECRET}}, "headers": {"X-Key": SECRET}}
    told: list[object] = []

    def answer(seen: Seen) -> Reply:
        return Reply(401, seen.headers["x-key"].encode(), "text/plain", {"WWW-Authenticate": SECRET})

    with http_peer(answer) as peer:
        told += [peer.spec(**secrets), raised(peer, secrets)]

    assert SECRET not in caplog.text + "".join(f"{one!r} {one}" for one in told)


def raised(peer: HttpPeer, secrets: Mapping[str, object]) -> str:
    with pytest.raises(AditError) as caught:
        ask(peer.spec(**secrets))
    return f"{caught.value!r} {caught.value.message} {caught.value.hint} {caught.getrepr(showlocals=False)}"


def test_a_password_in_the_clear_is_warned_of(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with http_peer(lambda _: json_reply([])) as proxy:
        monkeypatch.setenv("http_proxy", f"http://{LOOPBACK}:{proxy.port}")
        ask(DicomwebPeer.model_validate({"url": "http://pacs.invalid", "auth": {"bearer": SECRET}}))

    assert "unencrypted" in caplog.text

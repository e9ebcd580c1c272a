"""HTTPS from the command line: a closed Orthanc as source and destination, and every way TLS can go wrong."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.builders import BuiltStudy, build_study
from tests.support.certificates import Authority, authority, server_context
from tests.support.closed_pacs import ClosedPacs, closed_orthanc
from tests.support.commandline import CommandLine
from tests.support.http_peer import HttpPeer, http_peer
from tests.support.peers import Orthanc
from tests.support.program import Adit, Ended
from tests.support.tunnel import tunnel
from tests.support.web_pacs import WebPacs

pytestmark = pytest.mark.peers
GUESS = "guess-me-if-you-can"


@pytest.fixture(scope="module")
def closed_pacs(tmp_path_factory: pytest.TempPathFactory) -> Generator[ClosedPacs]:
    with closed_orthanc(tmp_path_factory.mktemp("closed")) as server:
        yield server


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def study(tmp_path: Path) -> BuiltStudy:
    return build_study(tmp_path / "images", modalities=("CT", "MR"), instances=4)


def configured(tmp_path: Path, **nodes: object) -> Adit:
    adit = Adit(tmp_path / "adit")
    adit.folder.mkdir()
    (adit.folder / "adit.yaml").write_text(json.dumps({"nodes": nodes}), "utf-8")
    return adit


def job(adit: Adit, source: str, destination: str, uid: str) -> Path:
    path = adit.folder / f"from-{source}.yaml"
    path.write_text(
        f"adit: 1\nname: from-{source}\nsource: {source}\ndestinations: [{destination}]\n"
        f"select: {{studies: {{uids: [{uid}]}}}}\nrun: {{workers: 1, attempts: 1}}\n"
    )
    return path


def contents(folder: Path) -> list[bytes]:
    return sorted(path.read_bytes() for path in folder.rglob("*.dcm"))


def test_a_study_is_sent_found_and_fetched_over_https_with_a_password(
    closed_pacs: ClosedPacs, study: BuiltStudy, tmp_path: Path
) -> None:
    adit = configured(tmp_path, closed={"dicomweb": closed_pacs.node()})

    sent = adit("send", "closed", study.folder)
    found = adit("query", "closed", "--study-uid", study.uid, "--format", "uid")
    fetched = adit("get", "closed", study.uid, "-o", tmp_path / "out")

    assert [sent.code, found.code, fetched.code] == [0, 0, 0], sent.err + found.err + fetched.err
    assert found.out == f"{study.uid}\n"
    assert contents(tmp_path / "out") == contents(study.folder)


def test_a_job_moves_from_one_server_to_the_closed_one_and_from_there_to_a_folder(
    pacs: Orthanc, closed_pacs: ClosedPacs, study: BuiltStudy, tmp_path: Path
) -> None:
    pacs.upload(study.files)
    adit = configured(
        tmp_path,
        clinical={"dimse": pacs.address, "dicomweb": pacs.dicomweb_url},
        closed={"dicomweb": closed_pacs.node()},
        out={"folder": str(tmp_path / "out")},
    )

    there = adit("transfer", job(adit, "clinical", "closed", study.uid))
    back = adit("transfer", job(adit, "closed", "out", study.uid))

    assert [there.code, back.code] == [0, 0], there.err + back.err
    assert contents(tmp_path / "out") == contents(study.folder)


@contextmanager
def misbehaving(kind: str, ours: Authority, study: BuiltStudy) -> Generator[tuple[HttpPeer, object]]:
    """A service with one thing wrong about its TLS, and the node as its user wrote it."""
    host, expired = ("pacs.example.org" if kind == "wrong-host" else "127.0.0.1"), kind == "expired"
    pem = ours.certificate(kind, host=host, expired=expired)
    clients = ours if kind == "no-client-certificate" else None
    context = None if kind == "plain" else server_context(pem, clients_of=clients)
    with http_peer(WebPacs([study]), context) as peer:
        url = peer.url.replace("http:", "https:") if kind == "plain" else peer.url
        url = peer.url.replace("https:", "http:") if kind == "tls" else url
        ca = {} if kind == "unknown-authority" else {"ca": str(ours.ca)}
        yield peer, {"url": url, "auth": {"bearer": GUESS}, **ca}


WRONG = {
    "unknown-authority": "signed by nobody we trust",
    "expired": "has expired",
    "wrong-host": "is for another host name",
    "plain": "does not speak TLS on this port",
    "tls": "speaks TLS on this port, but its URL says http",
    "no-client-certificate": "certificate",
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_about_tls_is_named(
    kind: str, ours: Authority, study: BuiltStudy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    adit = CommandLine(tmp_path, capsys)

    with misbehaving(kind, ours, study) as (peer, node):
        adit.config.write_text(json.dumps({"nodes": {"web": {"dicomweb": node}}}), "utf-8")
        ended = [
            adit.run("query", "web"),
            adit.run("get", "web", study.uid, "-o", tmp_path / "out"),
            adit.run("send", "web", study.folder),
        ]
        assert peer.seen == []

    for one in ended:
        assert one.code == 6, one.err
        assert WRONG[kind] in one.err, one.err
        assert_nothing_leaks(one)


@pytest.mark.parametrize("kind", ["expired", "no-client-certificate"])
def test_what_is_wrong_about_tls_is_named_of_a_job(
    kind: str, ours: Authority, study: BuiltStudy, tmp_path: Path
) -> None:
    with misbehaving(kind, ours, study) as (peer, node):
        adit = configured(
            tmp_path,
            web={"dicomweb": node},
            images={"folder": str(study.folder)},
            out={"folder": str(tmp_path / "out")},
        )
        ended = [
            adit("transfer", job(adit, "web", "out", study.uid)),
            adit("transfer", job(adit, "images", "web", study.uid)),
        ]
        assert peer.seen == []

    for one in ended:
        assert one.code in {3, 6}, one.err
        assert WRONG[kind] in one.err, one.err
        assert_nothing_leaks(one)
    assert list((tmp_path / "out").rglob("*.dcm")) == []


def assert_nothing_leaks(ended: Ended) -> None:
    assert "Traceback" not in ended.err
    assert GUESS not in ended.err + ended.out


def test_a_wrong_password_is_named_and_not_repeated(closed_pacs: ClosedPacs, tmp_path: Path) -> None:
    adit = configured(tmp_path, closed={"dicomweb": closed_pacs.node(GUESS)})

    ended = adit("query", "closed")

    assert ended.code == 6
    assert "401 Unauthorized" in ended.err
    assert_nothing_leaks(ended)


def test_https_goes_through_the_proxy_of_the_environment_with_its_password(
    ours: Authority, study: BuiltStudy, tmp_path: Path
) -> None:
    pacs = WebPacs([study])
    context = server_context(ours.certificate("behind", host="pacs.example.org"))

    with http_peer(pacs, context) as peer, tunnel("Proxy-Authorization: Basic dXNlcjpwYSBzcw==") as proxy:
        url = peer.url.replace("127.0.0.1", "pacs.example.org")
        node = {"url": url, "ca": str(ours.ca), "auth": {"bearer": GUESS}}
        through = {"HTTPS_PROXY": f"http://user:pa%20ss@127.0.0.1:{proxy.port}", "NO_PROXY": "localhost"}
        adit = replace(configured(tmp_path, web={"dicomweb": node}), env=through)
        got = adit("get", "web", study.uid, "-o", tmp_path / "out")
        sent = adit("send", "web", study.folder)

    assert (got.code, sent.code) == (0, 0), got.err + sent.err
    assert contents(tmp_path / "out") == contents(study.folder)
    assert len(pacs.stored) == len(study.files)
    assert all(head.startswith(f"CONNECT pacs.example.org:{peer.port} ") for head in proxy.heads)
    assert GUESS not in "".join(proxy.heads)


def test_a_proxy_that_wants_a_password_is_named(tmp_path: Path) -> None:
    node = {"url": "https://pacs.example.org/dicom-web"}

    with tunnel("Proxy-Authorization: Basic") as proxy:
        adit = configured(tmp_path, web={"dicomweb": node})
        ended = replace(adit, env={"https_proxy": f"127.0.0.1:{proxy.port}"})("query", "web")

    assert ended.code == 6, ended.err
    assert "the proxy wants a user and password" in ended.err

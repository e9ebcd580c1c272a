"""Storing over several connections at once, as many as the node's limit allows and never more."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from adit_cli.dicom.files import read_file_meta
from adit_cli.errors import NodeError
from adit_cli.jobfile.node import ServerNode
from adit_cli.nodes import open_destination
from adit_cli.nodes.base import Delivered, Delivery, Destination, Ready
from adit_cli.nodes.dicomweb import destination
from tests.support.builders import build_study
from tests.support.http_peer import Answer, HttpPeer, Reply, Seen, http_peer
from tests.support.web_pacs import WebPacs

LONG = 60


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Ready]:
    """Files of which each is a request of its own."""
    monkeypatch.setattr(destination, "MOST_FILES", 1)
    return [ready(path) for path in build_study(tmp_path, instances=8).files]


def ready(path: Path) -> Ready:
    meta = read_file_meta(path)
    return Ready(
        path, meta.sop_instance_uid, meta.sop_class_uid, meta.transfer_syntax_uid, path.stat().st_size
    )


@contextmanager
def opened(answer: Answer, associations: int) -> Generator[tuple[Destination, HttpPeer]]:
    with http_peer(answer) as peer:
        spec = ServerNode.model_validate({"dicomweb": peer.url, "limits": {"associations": associations}})
        with closing(open_destination("PACS", spec, "ADIT")) as server:
            yield server, peer


def sent(delivery: Delivery, files: list[Ready]) -> list[Delivered]:
    return [*delivery.add(files), *delivery.finish()]


class Watching:
    """A service that counts how many requests it works on at the same time, and may wait for so many."""

    def __init__(self, together: int = 1) -> None:
        self.pacs = WebPacs()
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()
        self._all_here = threading.Barrier(together)

    def __call__(self, seen: Seen) -> Reply:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        self._all_here.wait(LONG)
        with self._lock:
            self._now -= 1
            return self.pacs(seen)


def test_requests_are_made_at_once_as_the_limit_allows(files: list[Ready]) -> None:
    service = Watching(together=2)

    with opened(service, associations=2) as (server, peer):
        told = sent(server.begin("task"), files)

    assert sorted(one.uid for one in told) == sorted(file.uid for file in files)
    assert all(one.accepted for one in told)
    assert (service.most, peer.connections) == (2, 2)


def test_a_limit_of_one_is_one_connection(files: list[Ready]) -> None:
    service = Watching()

    with opened(service, associations=1) as (server, peer):
        told = sent(server.begin("task"), files)

    assert [one.uid for one in told] == [file.uid for file in files]
    assert (service.most, peer.connections) == (1, 1)


def test_connections_are_kept_from_study_to_study(files: list[Ready]) -> None:
    service = Watching(together=2)

    with opened(service, associations=2) as (server, peer):
        for _ in range(3):
            sent(server.begin("task"), files)

    assert peer.connections == 2


def test_a_refusal_in_another_thread_is_raised(files: list[Ready]) -> None:
    def answer(seen: Seen) -> Reply:
        return Reply(403) if files[3].uid.encode() in seen.body else WebPacs()(seen)

    with opened(answer, associations=3) as (server, _):
        delivery = server.begin("task")
        with pytest.raises(NodeError, match="403 Forbidden"):
            sent(delivery, files)
        delivery.abandon()


def test_what_is_abandoned_is_broken_off_and_the_next_study_goes(files: list[Ready]) -> None:
    first, arrived, over = files[0].uid.encode(), threading.Event(), threading.Event()

    def answer(seen: Seen) -> Reply:
        if first in seen.body and not over.is_set():
            arrived.set()
            over.wait(LONG)
        return WebPacs()(seen)

    with opened(answer, associations=2) as (server, _):
        delivery = server.begin("task")
        delivery.add(files[:2])
        assert arrived.wait(LONG)
        delivery.abandon()
        again = sent(server.begin("other"), files[2:])
        over.set()

    assert sorted(one.uid for one in again) == sorted(file.uid for file in files[2:])

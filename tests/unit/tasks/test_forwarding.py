"""Studies that a source sends to another server itself: what is there afterwards is what counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from adit_cli.dicom.query import Attributes, Level
from adit_cli.errors import NodeError, Reason
from adit_cli.nodes.base import FailedInstance, Forwarded, InstanceRef, OnArrival, RetrieveRequest
from adit_cli.tasks.forwarding import Target, forward
from adit_cli.tasks.listing import Listing

STUDY, SERIES = "1.2.3", "1.2.3.1"
UIDS = [f"1.2.3.1.{number}" for number in range(1, 5)]
REFS = tuple(InstanceRef(STUDY, SERIES, uid) for uid in UIDS)
LISTED = Listing((SERIES,), REFS, {}, restricted=False)


@dataclass
class Server:
    """A server that lists what it has, and in `arriving` what it has from each further look on."""

    there: set[str] = field(default_factory=set[str])
    arriving: list[set[str]] = field(default_factory=list[set[str]])

    def find(self, level: Level, keys: Mapping[str, str]) -> list[Attributes]:
        assert (level, keys["SeriesInstanceUID"]) == (Level.IMAGE, SERIES)
        found = [{"SOPInstanceUID": uid} for uid in sorted(self.there)]
        if self.arriving:
            self.there |= self.arriving.pop(0)
        return found

    def retrieve(self, request: RetrieveRequest, spool: Path, arrived: OnArrival) -> list[FailedInstance]:
        raise AssertionError(f"nothing of {request.study_uid} may come to {spool} ({arrived})")

    def close(self) -> None:
        """Nothing was opened."""


@dataclass
class Sender(Server):
    """A source that sends what it is asked for, except what it cannot."""

    target: Server = field(default_factory=Server)
    bad: frozenset[str] = frozenset()
    asked: list[RetrieveRequest] = field(default_factory=list[RetrieveRequest])
    says: Forwarded | None = None

    def forward(self, request: RetrieveRequest, ae_title: str) -> Forwarded:
        assert ae_title == "THERE"
        self.asked.append(request)
        sent = {ref.uid for ref in request.instances} - self.bad
        self.target.there |= sent
        failed = tuple(FailedInstance(uid, Reason.INCOMPLETE, "it is broken") for uid in sorted(self.bad))
        return self.says or Forwarded(len(sent), failed)


def to(server: Server | None, patience: float = 0) -> Target:
    return Target("THERE", server, patience)


def test_study_is_complete_when_the_other_server_lists_all_of_it() -> None:
    sender, told = Sender(), list[int]()

    sent = forward(sender, STUDY, LISTED, to(sender.target), told.append)

    assert (sent.listed, sent.there, sent.missing, sent.complete) == (4, 4, (), True)
    assert told[-1] == 4


def test_only_what_is_not_there_is_sent() -> None:
    sender = Sender(target=Server(set(UIDS[:3])))

    first = forward(sender, STUDY, LISTED, to(sender.target), print)
    again = forward(sender, STUDY, LISTED, to(sender.target), print)

    assert [[ref.uid for ref in request.instances] for request in sender.asked] == [UIDS[3:]]
    assert sender.asked[0].partial
    assert first.complete
    assert again.complete


def test_what_did_not_come_is_named_whatever_the_source_says() -> None:
    sender = Sender(bad=frozenset(UIDS[1:2]), says=Forwarded(4))

    sent = forward(sender, STUDY, LISTED, to(sender.target), print)

    assert (sent.there, [one.uid for one in sent.missing], sent.complete) == (3, UIDS[1:2], False)
    assert sent.missing[0].message == "the other server does not list it"


def test_source_tells_why_it_could_not_send_one() -> None:
    sender = Sender(bad=frozenset(UIDS[1:2]))

    sent = forward(sender, STUDY, LISTED, to(sender.target), print)

    assert [one.message for one in sent.missing] == ["it is broken"]


def test_server_that_indexes_behind_time_is_looked_at_again() -> None:
    slow = Server(arriving=[set(), set(UIDS[:2]), set(UIDS)])
    sender = Sender(target=Server())

    sent = forward(sender, STUDY, LISTED, to(slow, patience=60), print)

    assert sent.complete


def test_without_a_look_at_the_other_server_the_source_is_believed() -> None:
    sender = Sender(bad=frozenset(UIDS[:1]))

    sent = forward(sender, STUDY, LISTED, to(None), print)

    assert (sent.sent, sent.there, [one.uid for one in sent.missing]) == (3, None, UIDS[:1])
    assert not sent.complete


def test_node_that_cannot_send_to_others_is_told() -> None:
    with pytest.raises(NodeError, match="C-MOVE"):
        forward(Server(), STUDY, LISTED, to(None), print)

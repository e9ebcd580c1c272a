"""A server with several ways: preferred, passed over once where not offered, and said so once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydantic import ValidationError

from adit_cli.dicom.query import Attributes, Level
from adit_cli.errors import JobFileError, NodeError, Reason, TransientNodeError, UsageError
from adit_cli.jobfile.addressing import parse_node
from adit_cli.jobfile.config import Config
from adit_cli.jobfile.load import load_job
from adit_cli.jobfile.node import ServerNode
from adit_cli.nodes.base import (
    Delivered,
    Destination,
    FailedInstance,
    OnArrival,
    Ready,
    RetrieveRequest,
    Source,
)
from adit_cli.nodes.ways import PreferringDestination, PreferringSource, Ways

REFUSAL = NodeError("PACS does not offer it.", reason=Reason.NO_CONTEXT)
FILES = [Ready(Path(f"{n}.dcm"), f"1.2.{n}", "", "", 1) for n in range(3)]


@dataclass
class Side:
    """A source and destination that answers, or fails with an error."""

    name: str
    error: NodeError | None = None
    waits: bool = False
    asked: list[str] = field(default_factory=list[str])
    taken: list[Ready] = field(default_factory=list[Ready])
    closed: bool = False

    def find(self, level: Level, keys: Mapping[str, str]) -> list[Attributes]:
        del level, keys
        return [{"by": self._ask("find")}]

    def retrieve(self, request: RetrieveRequest, spool: Path, arrived: OnArrival) -> list[FailedInstance]:
        del request, spool, arrived
        self._ask("retrieve")
        return []

    def begin(self, task_key: str) -> Side:
        del task_key
        return self

    def add(self, files: Sequence[Ready]) -> list[Delivered]:
        if not self.waits:
            self._ask("store")
        self.taken += files
        return [] if self.waits else [Delivered(file.uid, accepted=True) for file in files]

    def finish(self) -> list[Delivered]:
        if not self.waits:
            return []
        self._ask("store")
        return [Delivered(file.uid, accepted=True) for file in self.taken]

    def abandon(self) -> None:
        self.taken = []

    def notes(self) -> list[str]:
        return [f"note of {self.name}"]

    def close(self) -> None:
        self.closed = True

    def _ask(self, what: str) -> str:
        self.asked.append(what)
        if self.error is not None:
            raise self.error
        return self.name


def ways(web: Side, dimse: Side) -> Ways[Destination]:
    return Ways("PACS", {"dicomweb": lambda: web, "dimse": lambda: dimse})


def source(web: Side, dimse: Side, *order: str) -> PreferringSource:
    both: Ways[Source] = Ways("PACS", {"dicomweb": lambda: web, "dimse": lambda: dimse})
    return PreferringSource(both, order or ("qido-rs", "c-find"), order or ("wado-rs", "c-get"))


@pytest.mark.parametrize(("order", "by"), [(("qido-rs", "c-find"), "web"), (("c-find", "qido-rs"), "dimse")])
def test_the_preferred_way_is_taken(order: tuple[str, str], by: str) -> None:
    found = source(Side("web"), Side("dimse"), *order).find(Level.STUDY, {})

    assert found == [{"by": by}]


def test_a_way_that_is_not_offered_is_passed_over_and_said_so_once(caplog: pytest.LogCaptureFixture) -> None:
    web, dimse = Side("web", REFUSAL), Side("dimse")
    server = source(web, dimse)

    found = [server.find(Level.STUDY, {}) for _ in range(3)]

    assert found == [[{"by": "dimse"}]] * 3
    assert web.asked == ["find"]
    assert caplog.text.count("Going on with c-find") == 1


def test_an_error_of_the_last_way_is_an_error() -> None:
    with pytest.raises(NodeError, match="does not offer it"):
        source(Side("web", REFUSAL), Side("dimse", REFUSAL)).find(Level.STUDY, {})


def test_a_server_that_cannot_be_reached_is_not_asked_in_other_ways() -> None:
    web, dimse = Side("web", TransientNodeError("PACS is away.")), Side("dimse")

    with pytest.raises(TransientNodeError, match="is away"):
        source(web, dimse).find(Level.STUDY, {})

    assert dimse.asked == []


def test_a_study_that_nobody_has_costs_no_way_its_place() -> None:
    gone = NodeError("not there", reason=Reason.NOT_FOUND)
    web, dimse = Side("web", gone), Side("dimse", gone)
    server = source(web, dimse)

    for _ in range(2):
        with pytest.raises(NodeError, match="not there"):
            server.retrieve(RetrieveRequest("1.2"), Path(), lambda _: None)

    assert web.asked == ["retrieve", "retrieve"]


def test_a_way_that_has_brought_something_is_kept_when_it_lacks_one_study(
    caplog: pytest.LogCaptureFixture,
) -> None:
    web, dimse = Side("web"), Side("dimse")
    server = source(web, dimse)
    server.retrieve(RetrieveRequest("1.2"), Path(), lambda _: None)

    web.error = NodeError("not there", reason=Reason.NOT_FOUND)
    server.retrieve(RetrieveRequest("1.3"), Path(), lambda _: None)
    web.error = None
    server.retrieve(RetrieveRequest("1.4"), Path(), lambda _: None)

    assert (len(web.asked), len(dimse.asked)) == (3, 1)
    assert "does not offer" not in caplog.text


def test_only_what_is_used_is_opened_noted_and_closed() -> None:
    web, dimse = Side("web"), Side("dimse")
    server = source(web, dimse)
    server.find(Level.STUDY, {})

    assert server.notes() == ["note of web"]
    server.close()
    assert (web.closed, dimse.closed) == (True, False)


@pytest.mark.parametrize("waits", [True, False])
def test_files_handed_to_a_way_that_is_not_offered_go_the_next(*, waits: bool) -> None:
    web, dimse = Side("web", REFUSAL, waits=waits), Side("dimse")
    server = PreferringDestination(ways(web, dimse), ("stow-rs", "c-store"))

    delivery = server.begin("task")
    told = [*delivery.add(FILES[:2]), *delivery.add(FILES[2:]), *delivery.finish()]

    assert [one.uid for one in told] == [file.uid for file in FILES]
    assert dimse.taken == FILES


def test_a_study_that_has_begun_to_arrive_stays_with_its_way() -> None:
    web, dimse = Side("web"), Side("dimse")
    delivery = PreferringDestination(ways(web, dimse), ("stow-rs", "c-store")).begin("task")
    delivery.add(FILES[:1])
    web.error = REFUSAL

    with pytest.raises(NodeError, match="does not offer it"):
        delivery.add(FILES[1:])

    assert dimse.taken == []


def test_a_server_needs_an_address() -> None:
    with pytest.raises(ValidationError, match=r"needs `dimse.*`dicomweb"):
        ServerNode.model_validate({"limits": {"associations": 1}})


def test_a_preference_for_what_has_no_address_is_an_error() -> None:
    with pytest.raises(ValidationError, match="`retrieve` names only ways that need `dicomweb`"):
        ServerNode.model_validate({"dimse": "PACS@host:104", "retrieve": ["wado-rs"]})


@pytest.mark.parametrize(
    ("dicomweb", "what"),
    [
        ("ftp://host", "write it as https://"),
        ("https://user:secret@host/dicom-web", "must not hold a user name or password"),
        ("https://host/dicom-web?x=1", "ends before"),
        ("https://host/dicöm-web", "%C3%B6"),
        ({"url": "https://host", "auth": {}}, "either bearer or basic"),
        ({"url": "https://host", "auth": {"bearer": "line\nbreak"}}, "cannot be sent in a header"),
        ({"url": "https://host", "headers": {"Host": "x"}}, "is set by the program itself"),
        ({"url": "https://host", "headers": {"a b": "x"}}, "letters, digits and dashes"),
        ({"url": "https://host", "qido_prefix": "../x?"}, "plain path"),
    ],
)
def test_mistakes_in_a_service_are_told(dicomweb: object, what: str) -> None:
    with pytest.raises(ValidationError, match=what):
        ServerNode.model_validate({"dicomweb": dicomweb})


def test_a_password_in_a_url_is_not_repeated(tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    path.write_text(
        "adit: 1\nname: x\nnodes: {a: {dicomweb: 'https://u:hunter2@h/rs'}}\n"
        "source: a\ndestinations: ['https://u:hunter2@h/rs']\nselect: {studies: {uids: [1.2]}}\n"
    )

    with pytest.raises(JobFileError) as caught:
        load_job(path)
    with pytest.raises(UsageError) as typed:
        parse_node("https://u:hunter2@h/rs", Config())

    assert "nodes.a.dicomweb: must not hold a user name or password" in caught.value.message
    assert "{dicomweb: 'https://h/rs'}" in caught.value.message
    assert "hunter2" not in caught.value.message + str(typed.value) + typed.value.hint


def test_a_url_is_a_node() -> None:
    name, spec = parse_node("https://pacs.example.org/rs/", Config())

    assert name == "https://pacs.example.org/rs"
    assert spec == ServerNode.model_validate({"dicomweb": "https://pacs.example.org/rs"})

"""Commands that run at the same time keep together to what the config allows of a node."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType] - made at run time

from adit_cli.nodes.limits import NodeSlots
from tests.support.builders import build_study
from tests.support.peers import LOOPBACK, serving
from tests.support.program import Adit

pytestmark = pytest.mark.peers
WAITING = "pacs: its only association is in use on this machine; waiting for one"
SECONDS = 60


@dataclass
class SlowPacs:
    """A PACS that answers a question when the test lets it, and counts who asks.

    A question ends before its association is released, so that one that follows is never counted with it.
    """

    asked: threading.Event = field(default_factory=threading.Event)
    may_answer: threading.Event = field(default_factory=threading.Event)
    associations: int = 0
    at_once: int = 0
    most: int = 0
    port: int = 0

    def arrive(self, _event: evt.Event) -> None:
        self.associations += 1

    def find(self, _event: evt.Event) -> Generator[tuple[int, Dataset | None]]:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        self.asked.set()
        assert self.may_answer.wait(SECONDS)
        self.at_once -= 1
        yield 0x0000, None

    @property
    def address(self) -> str:
        return f"PACS@{LOOPBACK}:{self.port}"


@contextmanager
def slow_pacs() -> Generator[SlowPacs]:
    pacs = SlowPacs()
    ae = AE(ae_title="PACS")
    ae.add_supported_context(StudyRootQueryRetrieveInformationModelFind)  # pyright: ignore[reportUnknownArgumentType]
    handlers = [
        (evt.EVT_ACCEPTED, pacs.arrive),
        (evt.EVT_C_FIND, pacs.find),
    ]
    with serving(ae, handlers) as port:
        pacs.port = port
        try:
            yield pacs
        finally:
            pacs.may_answer.set()


def configured(folder: Path, address: str) -> Adit:
    adit = Adit(folder, {"ADIT_CONFIG": str(folder / "config.yaml")})
    folder.mkdir(exist_ok=True)
    node = f"{{dimse: {address}, limits: {{associations: 1}}}}"
    (folder / "config.yaml").write_text(f"nodes: {{pacs: {node}}}\n")
    return adit


def said_by(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    return process.stderr.readline().strip()


@pytest.mark.parametrize("by_address", [False, True])
def test_a_second_command_waits_for_the_first_and_says_so(tmp_path: Path, *, by_address: bool) -> None:
    with slow_pacs() as pacs:
        adit = configured(tmp_path / "here", pacs.address)
        first = adit.start("query", "pacs")
        assert pacs.asked.wait(SECONDS)
        second = adit.start("query", pacs.address if by_address else "pacs")

        said = said_by(second)
        seen = pacs.associations
        pacs.may_answer.set()
        ended = [one.communicate(timeout=SECONDS) and one.returncode for one in (first, second)]

    assert said == WAITING.replace("pacs:", f"{pacs.address}:" if by_address else "pacs:")
    assert seen == 1
    assert ended == [0, 0]
    assert (pacs.associations, pacs.most) == (2, 1)


@pytest.mark.parametrize(
    "command",
    [
        ("query", "pacs"),
        ("get", "pacs", "1.2.3", "-o", "out"),
        ("send", "pacs", "images"),
        ("move", "pacs", "1.2.3", "--to", "ELSEWHERE"),
        ("header", "pacs", "1.2.3"),
    ],
    ids=lambda command: command[0],
)
def test_every_command_waits_for_what_a_job_holds_and_can_be_interrupted(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    address = f"PACS@{LOOPBACK}:1"
    adit = configured(tmp_path / "here", address)
    build_study(adit.folder / "images", instances=1)

    with closing(NodeSlots(adit.folder / "state" / "slots", address, 1).acquire()):
        process = adit.start(*command)
        said = said_by(process)
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=SECONDS)

    assert said == WAITING
    assert process.returncode == 130
    assert not rest


def test_a_command_that_reads_uids_holds_nothing_until_it_has_them(tmp_path: Path) -> None:
    with slow_pacs() as pacs:
        adit = configured(tmp_path / "here", pacs.address)
        get = adit.start("get", "pacs", "-", "-o", "out", "--progress", "none")
        query = adit.start("query", "pacs", "--format", "uid")
        assert pacs.asked.wait(SECONDS)
        pacs.may_answer.set()
        asked = query.communicate(timeout=SECONDS)
        fetched = get.communicate("1.2.3\n", timeout=SECONDS)

    assert query.returncode == 0, asked
    assert "1.2.3" in fetched[1]
    assert pacs.most == 1

"""An archive that answers C-MOVE exactly as a test says, and stores what it says, in whatever order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from adit_cli.dicom.attributes import decode_attributes, encode_attributes
from adit_cli.dicom.query import Attributes
from adit_cli.nodes.base import InstanceRef
from adit_cli.nodes.dimse.association import Association
from adit_cli.nodes.dimse.contexts import numbered
from adit_cli.nodes.dimse.messages import (
    C_FIND_RQ,
    C_MOVE_RQ,
    C_STORE_RQ,
    PENDING,
    SUCCESS,
    WITH_DATASET,
    Command,
    Message,
)
from adit_cli.nodes.dimse.party import Party
from adit_cli.nodes.inbox import Inbox
from tests.support.archive import CT, EXPLICIT, SERIES, STUDY, GoneError, ct_instance
from tests.support.process import LOOPBACK
from tests.support.scripted import QUICK, Talk

DESTINATION_UNKNOWN = 0xA801


def store(port: int, uids: Iterable[str]) -> Generator[tuple[str, int]]:
    """Store instances over one association, and yield each with its status.

    Not with pynetdicom: as a sender it now and then loses an answer that comes quickly.
    """
    party = Party("", "ADIT", "SCRIPTED", LOOPBACK, port, QUICK)
    with Association.open(party, numbered([(CT, (EXPLICIT,))])) as assoc:
        for uid in uids:
            command = Command(
                C_STORE_RQ,
                assoc.begin(),
                sop_class_uid=CT,
                sop_instance_uid=uid,
                dataset_type=WITH_DATASET,
                priority=0,
            )
            assoc.send(assoc.context_of(CT) or 0, command, ct_instance(uid))
            yield uid, assoc.receive().command.status or 0


@dataclass
class Move:
    """One C-MOVE request, and what can be done about it."""

    archive: MovingArchive
    talk: Talk
    request: Message
    asked: Attributes

    @property
    def uids(self) -> list[str]:
        """The instances that are wanted."""
        wanted = self.asked.get("SOPInstanceUID", "")
        return wanted.split("\\") if wanted else list(self.archive.uids)

    def store(self, uids: Iterable[str]) -> list[int]:
        """Store instances at the move destination and return its answers."""
        answers: list[int] = []
        for uid, status in store(self.archive.port(), uids):
            self.archive.stored.append(uid)
            answers.append(status)
        return answers

    def pending(self, **counters: int) -> None:
        """Say that it goes on."""
        self.talk.answer(self.request, PENDING, b"", **counters)

    def end(self, status: int = SUCCESS, named: Sequence[str] = (), **counters: int) -> None:
        """Say that it is over, and name instances as failed."""
        failed = {"FailedSOPInstanceUIDList": "\\".join(named)}
        self.talk.answer(
            self.request, status, encode_attributes(failed, EXPLICIT) if named else b"", **counters
        )

    def honest(self) -> None:
        """Do what is asked and say so."""
        self.store(self.uids)
        self.end(completed=len(self.uids), failed=0, warning=0)


Behaviour: TypeAlias = Callable[[Move], None]


@dataclass
class MovingArchive:
    """Answers the first requests as its behaviours say, all further ones as the last of them."""

    inbox: Path
    uids: Sequence[str]
    behaviours: Sequence[Behaviour] = (Move.honest,)
    offers_get: bool = True
    asked: list[Attributes] = field(default_factory=list[Attributes])
    stored: list[str] = field(default_factory=list[str])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def port(self) -> int:
        """Return where the receiver of the inbox listens."""
        served = Inbox(self.inbox).served()
        assert served is not None
        return served.port

    def refs(self) -> tuple[InstanceRef, ...]:
        """Return what an image-level find lists."""
        return tuple(InstanceRef(STUDY, SERIES, uid, CT) for uid in self.uids)

    def __call__(self, talk: Talk) -> None:
        """Serve one association to its end."""
        talk.accept(refuse=lambda one: not self.offers_get and one.abstract_syntax.endswith(".2.2.3"))
        try:
            while True:
                message = talk.read()
                if message.command.field == C_FIND_RQ:
                    self._find(talk, message)
                elif message.command.field == C_MOVE_RQ:
                    self._move(talk, message)
        except GoneError:
            return

    def _find(self, talk: Talk, message: Message) -> None:
        level = decode_attributes(message.dataset, EXPLICIT)["QueryRetrieveLevel"]
        shared = {"StudyInstanceUID": STUDY, "SeriesInstanceUID": SERIES}
        found = [shared]
        if level == "IMAGE":
            found = [{**shared, "SOPInstanceUID": uid, "SOPClassUID": CT} for uid in self.uids]
        for one in found:
            talk.answer(message, PENDING, encode_attributes(one, EXPLICIT))
        talk.answer(message, SUCCESS)

    def _move(self, talk: Talk, message: Message) -> None:
        asked = decode_attributes(message.dataset, EXPLICIT)
        with self._lock:
            number = len(self.asked)
            self.asked.append(asked)
        behave = self.behaviours[min(number, len(self.behaviours) - 1)]
        behave(Move(self, talk, message, asked))

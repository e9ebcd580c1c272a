"""A scripted archive: answers C-FIND at image level and C-GET from a table, and can be told to falter."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from adit_cli.dicom.attributes import decode_attributes, encode_attributes
from adit_cli.dicom.query import Attributes
from adit_cli.nodes.base import InstanceRef
from adit_cli.nodes.dimse.messages import C_FIND_RQ, C_GET_RQ, PENDING, SUCCESS, Message
from tests.support.scripted import Talk

CT, EXPLICIT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1"
STUDY, SERIES = "1.2.3", "1.2.3.1"


class GoneError(Exception):
    """The archive's process died."""


def ct_instance(uid: str, size: int = 100) -> bytes:
    """Return a data set with what files and queries need, and some bulk."""
    head = {
        "SOPClassUID": CT,
        "SOPInstanceUID": uid,
        "StudyInstanceUID": STUDY,
        "SeriesInstanceUID": SERIES,
        "PatientName": "Doe^Jane",
    }
    pixels = b"\xe0\x7f\x10\0OW\0\0" + size.to_bytes(4, "little") + bytes(size)
    return encode_attributes(head, EXPLICIT) + pixels


@dataclass
class Archive:
    """Its instances by UID. Counts what it did; the hooks may raise GoneError, or return other statuses."""

    instances: dict[str, bytes]
    asked: list[Attributes] = field(default_factory=list[Attributes])
    sent: list[str] = field(default_factory=list[str])
    lost: frozenset[str] = frozenset()
    """Instances it lists and cannot send."""
    before_store: Callable[[str, int], None] = lambda _uid, _number: None
    classes: dict[str, str] = field(default_factory=dict[str, str])
    """SOP classes by UID, where it is not CT; what was not proposed cannot be sent."""
    names_failed: bool = False
    counts: bool = True
    status: int = SUCCESS
    lock: AbstractContextManager[object] = field(default_factory=threading.Lock)

    def refs(self) -> tuple[InstanceRef, ...]:
        """Return what an image-level find lists."""
        return tuple(InstanceRef(STUDY, SERIES, uid, self.classes.get(uid, CT)) for uid in self.instances)

    def __call__(self, talk: Talk) -> None:
        """Serve one association to its end."""
        talk.accept()
        try:
            while True:
                message = talk.read()
                if message.command.field == C_FIND_RQ:
                    self._find(talk, message)
                elif message.command.field == C_GET_RQ:
                    self._get(talk, message)
        except GoneError:
            return

    def _find(self, talk: Talk, message: Message) -> None:
        for uid in self.instances:
            found = {"SOPInstanceUID": uid, "SOPClassUID": CT, "SeriesInstanceUID": SERIES}
            talk.answer(message, PENDING, encode_attributes(found, EXPLICIT))
        talk.answer(message, SUCCESS)

    def _get(self, talk: Talk, message: Message) -> None:
        asked = decode_attributes(message.dataset, EXPLICIT)
        with self.lock:
            self.asked.append(asked)
        wanted = asked.get("SOPInstanceUID", "")
        uids = wanted.split("\\") if wanted else list(self.instances)
        proposed = {one.abstract_syntax for one in talk.contexts.values()}
        there = [
            uid
            for uid in uids
            if uid in self.instances and uid not in self.lost and self.classes.get(uid, CT) in proposed
        ]
        for uid in there:
            with self.lock:
                self.before_store(uid, len(self.sent))
                self.sent.append(uid)
            talk.store(self.classes.get(uid, CT), uid, self.instances[uid])
        counters = {"completed": len(there), "failed": len(uids) - len(there), "warning": 0}
        failed = "\\".join(self.lost) if self.names_failed else ""
        listed = encode_attributes({"FailedSOPInstanceUIDList": failed}, EXPLICIT) if failed else b""
        talk.answer(message, self.status, listed, **(counters if self.counts else {}))

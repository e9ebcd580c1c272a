"""C-GET (PS3.4 §C.4.3): the peer stores to us over the association on which we asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from adit_cli.dicom.files import part10_header
from adit_cli.errors import Reason
from adit_cli.nodes.base import Arrival, FailedInstance, OnArrival
from adit_cli.nodes.dimse.association import Association
from adit_cli.nodes.dimse.channel import LONGEST_IDENTIFIER
from adit_cli.nodes.dimse.contexts import STUDY_GET
from adit_cli.nodes.dimse.incoming import IncomingFile, is_valid_uid
from adit_cli.nodes.dimse.messages import C_GET_RQ, C_STORE_RQ, SUCCESS, Command, Message
from adit_cli.nodes.dimse.scu import Patience, SubOperations, expect, needed_context, told, with_identifier
from adit_cli.nodes.dimse.wire import Discard, Memory, Sink
from adit_cli.nodes.storage import part_in

INVALID_SOP_INSTANCE, CANNOT_UNDERSTAND = 0x0117, 0xC000


@dataclass(slots=True)
class Fetched:
    """What one C-GET brought."""

    told: SubOperations
    arrived: set[str] = field(default_factory=set[str])
    size: int = 0
    refused: list[FailedInstance] = field(default_factory=list[FailedInstance])
    """What came and could not be kept."""


def c_get(assoc: Association, identifier: bytes, spool: Path, arrived: OnArrival) -> Fetched:
    """Fetch into `spool/<SOPInstanceUID>.dcm`; each file appears whole, by rename, and is then reported."""
    context_id = needed_context(assoc, STUDY_GET, "C-GET")
    landing = _Landing(assoc, spool)
    command = with_identifier(Command(C_GET_RQ, assoc.begin(), sop_class_uid=STUDY_GET))
    assoc.send(context_id, command, identifier)
    patience = Patience(assoc)
    try:
        while True:
            message = assoc.receive(landing.open_sink)
            if message.command.field == C_STORE_RQ:
                patience.progress()
                arrival = landing.finish(message)
                if arrival is not None:
                    arrived(arrival)
                continue
            response = expect(assoc, message, C_GET_RQ)
            if not response.is_pending:
                return landing.result(message)
            patience.look_at(response)
    except BaseException:
        assoc.abort()
        raise
    finally:
        landing.discard()


class _Landing:
    """Where the C-STORE sub-operations of one C-GET land."""

    def __init__(self, assoc: Association, spool: Path) -> None:
        self._assoc = assoc
        self._spool = spool
        self._file: IncomingFile | None = None
        self._memory = Memory(LONGEST_IDENTIFIER)
        self._arrived: set[str] = set()
        self._size = 0
        self._refused: list[FailedInstance] = []

    def open_sink(self, context_id: int, command: Command) -> Sink:
        """Return where the data set of a message goes: to a file, if it is one of the images we asked for."""
        if command.field != C_STORE_RQ:
            self._memory = Memory(LONGEST_IDENTIFIER)
            return self._memory
        uid, sop_class = command.sop_instance_uid or "", command.sop_class_uid or ""
        if context_id not in self._assoc.accepted or not (is_valid_uid(uid) and is_valid_uid(sop_class)):
            return Discard()
        header = part10_header(sop_class, uid, self._assoc.accepted[context_id][1])
        self._file = IncomingFile(part_in(self._spool, uid), header)
        return self._file

    def finish(self, message: Message) -> Arrival | None:
        """Answer a C-STORE; return the file where it has arrived for the first time.

        The answer goes before the disk has the file: the peer reads the next instance meanwhile. It promises
        nothing that is not kept, since a file that cannot be written ends the whole C-GET.
        """
        command, file = message.command, self._file
        uid = command.sop_instance_uid or ""
        if file is None:
            return self._refuse(message)
        path = self._spool / f"{uid}.dcm"
        self._assoc.send(message.context_id, command.response(SUCCESS))
        file.commit(path)
        self._file = None  # not before: Ctrl-C may come at any moment, and `discard` clears up
        if uid in self._arrived:
            return None
        self._arrived.add(uid)
        self._size += file.size
        transfer_syntax = self._assoc.accepted[message.context_id][1]
        return Arrival(path, uid, command.sop_class_uid or "", transfer_syntax, file.size)

    def _refuse(self, message: Message) -> None:
        command = message.command
        valid = is_valid_uid(command.sop_instance_uid or "")
        said = "came without a data set or in no accepted context" if valid else "has a UID that is none"
        uid = command.sop_instance_uid or "" if valid else ""
        self._refused.append(FailedInstance(uid, Reason.REJECTED, f"An instance {said}."))
        status = CANNOT_UNDERSTAND if valid else INVALID_SOP_INSTANCE
        self._assoc.send(message.context_id, command.response(status))

    def result(self, message: Message) -> Fetched:
        """Return what came, with the peer's word on it."""
        whole = Message(message.context_id, message.command, bytes(self._memory.value))
        return Fetched(told(self._assoc, whole), self._arrived, self._size, self._refused)

    def discard(self) -> None:
        """Remove what is half-written."""
        if self._file is not None:
            self._file.discard()
            self._file = None

"""One association as its acceptor serves it: C-STORE into a folder, and C-ECHO (PS3.4 §B.2, §A)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from adit_cli.nodes.dimse import pdu
from adit_cli.nodes.dimse.acceptance import UNKNOWN_CALLED, accepted_contexts, answer, too_busy
from adit_cli.nodes.dimse.channel import Channel, Ended
from adit_cli.nodes.dimse.filing import Filed, Filing, GuardedFile
from adit_cli.nodes.dimse.guests import Guests
from adit_cli.nodes.dimse.incoming import is_valid_uid
from adit_cli.nodes.dimse.messages import (
    C_CANCEL_RQ,
    C_ECHO_RQ,
    C_STORE_RQ,
    RESPONSE,
    SUCCESS,
    Command,
    Message,
)
from adit_cli.nodes.dimse.userinfo import PduError
from adit_cli.nodes.dimse.wire import Discard, Sink

CANNOT_UNDERSTAND, UNRECOGNISED_OPERATION = 0xC000, 0x0211


class Happening(StrEnum):
    """What a receiver tells of."""

    LISTENING = "listening"
    OPENED = "opened"
    STORED = "stored"
    REFUSED = "refused"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class ReceiveEvent:
    """One thing that happened; never with an identifier of a patient."""

    happening: Happening
    calling: str = ""
    host: str = ""
    study_uid: str = ""
    uid: str = ""
    size: int = 0
    port: int = 0
    message: str = ""
    status: int = 0
    """What an instance was answered."""


OnEvent = Callable[[ReceiveEvent], None]


class Service:
    """Serves one association from its request to its end."""

    def __init__(self, channel: Channel, filing: Filing, host: str, on_event: OnEvent) -> None:
        self._channel = channel
        self._filing = filing
        self._host = host
        self._on_event = on_event
        self._calling = ""
        self._max_length = 0
        self._contexts: dict[int, tuple[str, str]] = {}
        self._file: GuardedFile | None = None

    def run(self, ae_title: str, guests: Guests, *, has_room: bool) -> None:
        """Negotiate and serve; however it ends, that is told and nothing half-written is left."""
        try:
            if self._negotiate(ae_title, guests, has_room=has_room):
                self._serve()
        except Ended as error:
            self._end(error.pdu)
        except TimeoutError:
            self._abort("it was silent for too long")
        except OSError as error:
            self._tell(Happening.ENDED, message=f"the connection broke: {error.strerror or error}")
        except PduError as error:
            self._abort(str(error))
        finally:
            if self._file is not None:
                self._file.discard()

    def _negotiate(self, ae_title: str, guests: Guests, *, has_room: bool) -> bool:
        self._channel.wire.greet()
        self._channel.check_protocol()
        request = self._channel.control()
        if not isinstance(request, pdu.AssociateRequest):
            raise PduError("it did not begin with an association request")
        self._calling = request.calling
        welcome = guests.welcome(request.calling, self._host)
        reply = answer(request, ae_title, welcome=welcome) if has_room else too_busy()
        self._channel.wire.send(reply.encode())
        if isinstance(reply, pdu.AssociateReject):
            self._tell(Happening.REFUSED, message=_rejection(reply, request))
            return False
        self._contexts = accepted_contexts(request, reply)
        self._max_length = request.user.max_length
        self._tell(Happening.OPENED)
        return True

    def _serve(self) -> None:
        while True:
            message = self._channel.receive(self._open_sink)
            command = message.command
            if command.field == C_STORE_RQ:
                self._store(message)
            elif command.field == C_ECHO_RQ:
                self._answer(message, SUCCESS)
            elif command.field != C_CANCEL_RQ and not command.field & RESPONSE:
                self._answer(message, UNRECOGNISED_OPERATION)

    def _open_sink(self, context_id: int, command: Command) -> Sink:
        uid, sop_class = command.sop_instance_uid or "", command.sop_class_uid or ""
        _, transfer_syntax = self._contexts.get(context_id, ("", ""))
        if command.field != C_STORE_RQ or not (
            transfer_syntax and is_valid_uid(uid) and is_valid_uid(sop_class)
        ):
            return Discard()
        self._file = self._filing.begin(sop_class, uid, transfer_syntax)
        return self._file

    def _store(self, message: Message) -> None:
        file, self._file = self._file, None
        uid = message.command.sop_instance_uid or ""
        if file is None:
            filed = Filed(
                CANNOT_UNDERSTAND, message="It has no valid UIDs, no data set or no accepted context."
            )
        else:
            filed = self._filing.finish(file, uid)
        if filed.status == SUCCESS:
            self._answer(message, filed.status)
            self._tell_filed(Happening.STORED, uid, filed)
        else:  # whoever hears of it from the archive finds it noted
            self._tell_filed(Happening.REFUSED, uid, filed)
            self._answer(message, filed.status)

    def _tell_filed(self, happening: Happening, uid: str, filed: Filed) -> None:
        self._on_event(
            ReceiveEvent(
                happening,
                self._calling,
                self._host,
                filed.study_uid,
                uid if is_valid_uid(uid) else "",
                filed.size,
                message=filed.message,
                status=filed.status,
            )
        )

    def _answer(self, message: Message, status: int) -> None:
        self._channel.send(message.context_id, message.command.response(status), b"", self._max_length)

    def _end(self, received: pdu.ControlPdu) -> None:
        match received:
            case pdu.ReleaseRequest():
                self._channel.wire.send(pdu.ReleaseReply().encode())
                self._tell(Happening.ENDED, message="released")
            case pdu.Abort():
                self._tell(Happening.ENDED, message="it aborted the association")
            case _:
                self._abort("it sent a PDU out of turn")

    def _abort(self, why: str) -> None:
        self._channel.abort(source=2)
        self._tell(Happening.ENDED, message=f"we aborted the association: {why}")

    def _tell(self, happening: Happening, *, message: str = "") -> None:
        self._on_event(ReceiveEvent(happening, self._calling, self._host, message=message))


def _rejection(reply: pdu.AssociateReject, request: pdu.AssociateRequest) -> str:
    if reply == too_busy():
        return "too many associations are open"
    if reply.reason == UNKNOWN_CALLED:
        return f"it called AE title {request.called}, which is not ours"
    return "it is not among those that may call (--accept, or receiver.accept of the config)"

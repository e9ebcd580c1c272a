"""The PDUs that open and close an association (PS3.8 §9.3), as frozen values and bytes.

P-DATA is not here: it carries the images, and is read and written without making objects (see `wire`).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from adit_cli.nodes.dimse.userinfo import (
    PduError,
    UserInformation,
    decode_user_information,
    encode_user_information,
    item,
    items,
    uid_text,
)

ASSOCIATE_RQ, ASSOCIATE_AC, ASSOCIATE_RJ, P_DATA, RELEASE_RQ, RELEASE_RP, ABORT = range(1, 8)
APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
MAX_CONTEXTS = 128
ACCEPTED, USER_REJECTED, NO_REASON, ABSTRACT_SYNTAX_NOT_SUPPORTED, TRANSFER_SYNTAXES_NOT_SUPPORTED = range(5)
_HEAD = struct.Struct(">BxI")
_FIXED = struct.Struct(">H2x16s16s32x")
_CONTEXT_ITEM, _ABSTRACT, _TRANSFER = 0x20, 0x30, 0x40
_APPLICATION_ITEM, _ANSWER_ITEM, _USER_ITEM = 0x10, 0x21, 0x50


@dataclass(frozen=True, slots=True)
class Proposed:
    """A presentation context that the requestor proposes."""

    context_id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answered:
    """What the acceptor says of a presentation context; the transfer syntax counts only if accepted."""

    context_id: int
    result: int
    transfer_syntax: str = ""


@dataclass(frozen=True, slots=True)
class AssociateRequest:
    """A-ASSOCIATE-RQ (PS3.8 §9.3.2)."""

    called: str
    calling: str
    contexts: tuple[Proposed, ...]
    user: UserInformation
    application_context: str = APPLICATION_CONTEXT

    def encode(self) -> bytes:
        """Return the whole PDU."""
        contexts = b"".join(_encode_proposed(one) for one in self.contexts)
        return _associate(ASSOCIATE_RQ, self, contexts)


@dataclass(frozen=True, slots=True)
class AssociateAccept:
    """A-ASSOCIATE-AC (PS3.8 §9.3.3)."""

    called: str
    calling: str
    contexts: tuple[Answered, ...]
    user: UserInformation
    application_context: str = APPLICATION_CONTEXT

    def encode(self) -> bytes:
        """Return the whole PDU."""
        contexts = b"".join(_encode_answered(one) for one in self.contexts)
        return _associate(ASSOCIATE_AC, self, contexts)


@dataclass(frozen=True, slots=True)
class AssociateReject:
    """A-ASSOCIATE-RJ (PS3.8 §9.3.4)."""

    result: int
    source: int
    reason: int

    def encode(self) -> bytes:
        """Return the whole PDU."""
        return _HEAD.pack(ASSOCIATE_RJ, 4) + bytes((0, self.result, self.source, self.reason))


@dataclass(frozen=True, slots=True)
class Abort:
    """A-ABORT (PS3.8 §9.3.8): source 0 is the other application, 2 its protocol machine."""

    source: int = 0
    reason: int = 0

    def encode(self) -> bytes:
        """Return the whole PDU."""
        return _HEAD.pack(ABORT, 4) + bytes((0, 0, self.source, self.reason))


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """A-RELEASE-RQ (PS3.8 §9.3.6)."""

    def encode(self) -> bytes:
        """Return the whole PDU."""
        return _HEAD.pack(RELEASE_RQ, 4) + bytes(4)


@dataclass(frozen=True, slots=True)
class ReleaseReply:
    """A-RELEASE-RP (PS3.8 §9.3.7)."""

    def encode(self) -> bytes:
        """Return the whole PDU."""
        return _HEAD.pack(RELEASE_RP, 4) + bytes(4)


ControlPdu = AssociateRequest | AssociateAccept | AssociateReject | Abort | ReleaseRequest | ReleaseReply


def decode_control(kind: int, body: bytes) -> ControlPdu:
    """Return the PDU whose body (all behind its six-byte header) this is; PduError if it is not valid."""
    if kind not in {ASSOCIATE_RQ, ASSOCIATE_AC}:
        return _decode_short(kind, body)
    if len(body) < _FIXED.size:
        raise PduError("an association PDU is too short")
    version, called, calling = _FIXED.unpack_from(body)
    if not version & 1:
        raise PduError(f"protocol version {version} is unknown")
    parts = list(items(body[_FIXED.size :]))
    user = b"".join(value for code, value in parts if code == _USER_ITEM)
    application = b"".join(value for code, value in parts if code == _APPLICATION_ITEM)
    named = (_title(called), _title(calling))
    rest = (decode_user_information(user), uid_text(application))
    if kind == ASSOCIATE_RQ:
        proposed = tuple(_decode_proposed(value) for code, value in parts if code == _CONTEXT_ITEM)
        return AssociateRequest(*named, proposed, *rest)
    answered = tuple(_decode_answered(value) for code, value in parts if code == _ANSWER_ITEM)
    return AssociateAccept(*named, answered, *rest)


def _decode_short(kind: int, body: bytes) -> ControlPdu:
    if len(body) < 4:  # noqa: PLR2004 - all four have a body of four bytes
        raise PduError(f"a PDU of type {kind:02X} is too short")
    match kind:
        case 3:
            return AssociateReject(*body[1:4])
        case 5:
            return ReleaseRequest()
        case 6:
            return ReleaseReply()
        case 7:
            return Abort(*body[2:4])
        case _:
            raise PduError(f"PDU type {kind:02X} is unknown")


def _associate(kind: int, pdu: AssociateRequest | AssociateAccept, contexts: bytes) -> bytes:
    titles = (title.encode("ascii", "replace").ljust(16)[:16] for title in (pdu.called, pdu.calling))
    body = b"".join(
        (
            _FIXED.pack(1, *titles),
            item(_APPLICATION_ITEM, pdu.application_context.encode()),
            contexts,
            item(_USER_ITEM, encode_user_information(pdu.user)),
        )
    )
    return _HEAD.pack(kind, len(body)) + body


def _title(raw: bytes) -> str:
    """Return an AE title: it reaches terminals and logs, so that what controls those is shown as `?`."""
    title = raw.decode("latin_1").strip(" \0")
    return "".join(one if one.isprintable() else "?" for one in title)


def _encode_proposed(one: Proposed) -> bytes:
    syntaxes = b"".join(item(_TRANSFER, uid.encode()) for uid in one.transfer_syntaxes)
    head = bytes((one.context_id, 0, 0, 0))
    return item(_CONTEXT_ITEM, head + item(_ABSTRACT, one.abstract_syntax.encode()) + syntaxes)


def _decode_proposed(value: bytes) -> Proposed:
    if len(value) < 4:  # noqa: PLR2004 - identifier and three reserved bytes
        raise PduError("a presentation context is too short")
    parts = list(items(value[4:]))
    abstract = next((uid_text(uid) for code, uid in parts if code == _ABSTRACT), "")
    return Proposed(value[0], abstract, tuple(uid_text(uid) for code, uid in parts if code == _TRANSFER))


def _encode_answered(one: Answered) -> bytes:
    head = bytes((one.context_id, 0, one.result, 0))
    return item(_ANSWER_ITEM, head + item(_TRANSFER, one.transfer_syntax.encode()))


def _decode_answered(value: bytes) -> Answered:
    if len(value) < 4:  # noqa: PLR2004 - as above
        raise PduError("the answer to a presentation context is too short")
    syntax = next((uid_text(uid) for code, uid in items(value[4:]) if code == _TRANSFER), "")
    return Answered(value[0], value[2], syntax)

"""What numbers of PS3.7 and PS3.8 mean, in words a user can act on."""

from __future__ import annotations

from adit_cli.errors import NodeError, Reason, TransientNodeError
from adit_cli.nodes.dimse.party import Party
from adit_cli.nodes.dimse.pdu import Abort, AssociateReject

TRANSIENT_REJECT = 2
_REJECTS = {
    (1, 1): "it gave no reason",
    (1, 2): "it does not support the application context",
    (1, 3): "it does not know our AE title",
    (1, 7): "it does not answer to that AE title",
    (2, 1): "it gave no reason",
    (2, 2): "it does not support this protocol version",
    (3, 1): "it is busy (temporary congestion)",
    (3, 2): "it has too many associations (local limit exceeded)",
}
_WITHOUT_REASON, _UNKNOWN_CALLING, _UNKNOWN_CALLED = {(1, 1), (2, 1)}, (1, 3), (1, 7)
_ABORTS = {
    0: "without a reason",
    1: "it did not recognise a PDU",
    2: "it did not expect a PDU",
    4: "it did not recognise a parameter of a PDU",
    5: "it did not expect a parameter of a PDU",
    6: "a parameter of a PDU was invalid",
}
_PROVIDER = 2
_STATUSES = {
    0x0105: "no such attribute",
    0x0106: "an attribute has an invalid value",
    0x0107: "attribute list error",
    0x0110: "processing failure",
    0x0111: "the instance is there already",
    0x0112: "no such SOP instance",
    0x0117: "the SOP instance UID is invalid",
    0x0118: "the SOP class is unknown",
    0x0119: "the instance belongs to another SOP class",
    0x0122: "the SOP class is not supported",
    0x0124: "not authorised",
    0x0210: "duplicate message",
    0x0211: "unrecognised operation",
    0x0212: "mistyped argument",
    0x0213: "resource limitation",
    0xA700: "out of resources",
    0xA701: "out of resources: matches cannot be counted",
    0xA702: "out of resources: sub-operations cannot be performed",
    0xA801: "the move destination is unknown",
    0xA900: "the identifier or data set does not match the SOP class",
    0xAA00: "none of the frames were found",
    0xAA02: "unable to create this object for this SOP class",
    0xAA04: "time-based request for an object without time",
    0xB000: "some data elements were coerced, or some sub-operations failed",
    0xB006: "some data elements were discarded",
    0xB007: "the data set does not match the SOP class",
    0xC000: "unable to process or understand it",
    0xFE00: "cancelled",
}
_FAMILIES = {0xA700: "out of resources", 0xA900: "the data set does not match the SOP class"}
_FAMILY_MASK, _CANNOT_UNDERSTAND = 0xFF00, 0xC000


def rejection(error: AssociateReject, party: Party) -> NodeError:
    """Return the error for a rejected association, with what has to be registered where."""
    given = (error.source, error.reason)
    why = _REJECTS.get(given, f"source {error.source}, reason {error.reason}")
    text = f"{party} rejected the association: {why}."
    if party.identity is not None and given in _WITHOUT_REASON:
        hint = "It may not accept the user name or the password: check the node's `identity`."
        return NodeError(text, hint=hint)
    if given == _UNKNOWN_CALLING:
        hint = f"Register AE title {party.calling} there, or set calling_ae_title to one it knows."
        return NodeError(text, hint=hint)
    if given == _UNKNOWN_CALLED:
        return NodeError(text, hint=f"Check the AE title {party.called}: it is case-sensitive.")
    if error.result == TRANSIENT_REJECT:
        return TransientNodeError(text, hint="Try again later, or lower limits.associations of this node.")
    return NodeError(text)


def abortion(error: Abort, who: str) -> TransientNodeError:
    """Return the error for an association that the peer aborted."""
    by = (
        f"its DICOM layer: {_ABORTS.get(error.reason, error.reason)}"
        if error.source == _PROVIDER
        else "its user"
    )
    return TransientNodeError(f"{who} aborted the association ({by}).")


def status_words(status: int) -> str:
    """Return a DIMSE status as `0xA701, out of resources: …` (PS3.7 §C, PS3.4 §B.2.3 and §C.4)."""
    words = _STATUSES.get(status) or _FAMILIES.get(status & _FAMILY_MASK)
    if words is None:
        words = "unable to process it" if status & 0xF000 == _CANNOT_UNDERSTAND else "unknown status"
    return f"0x{status:04X}, {words}"


def status_reason(status: int) -> Reason:
    """Return which of our reasons a failure status of C-STORE stands for."""
    if status in {0x0118, 0x0122}:
        return Reason.NO_CONTEXT
    if status in {0x0124, 0x0213} or status & _FAMILY_MASK == 0xA700:  # noqa: PLR2004 - out of resources
        return Reason.REFUSED
    return Reason.REJECTED

"""DIMSE command sets (PS3.7 §6.3, §E): always Implicit VR Little Endian, the group length first."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache

from adit_cli.nodes.dimse.userinfo import PduError

C_STORE_RQ, C_GET_RQ, C_FIND_RQ, C_MOVE_RQ, C_ECHO_RQ, C_CANCEL_RQ = 0x01, 0x10, 0x20, 0x21, 0x30, 0x0FFF
RESPONSE = 0x8000
NO_DATASET, WITH_DATASET = 0x0101, 0x0001
SUCCESS, PENDING, PENDING_WARNING, CANCEL = 0x0000, 0xFF00, 0xFF01, 0xFE00
MEDIUM_PRIORITY = 0
_HEADER = struct.Struct("<HHI")
_US = struct.Struct("<H")
_UI, _AE, _LO, _SHORT = "UI", "AE", "LO", "US"
_ELEMENTS = {
    0x0002: ("sop_class_uid", _UI),
    0x0100: ("field", _SHORT),
    0x0110: ("message_id", _SHORT),
    0x0120: ("responded_to", _SHORT),
    0x0600: ("move_destination", _AE),
    0x0700: ("priority", _SHORT),
    0x0800: ("dataset_type", _SHORT),
    0x0900: ("status", _SHORT),
    0x0902: ("error_comment", _LO),
    0x1000: ("sop_instance_uid", _UI),
    0x1020: ("remaining", _SHORT),
    0x1021: ("completed", _SHORT),
    0x1022: ("failed", _SHORT),
    0x1023: ("warning", _SHORT),
    0x1030: ("move_originator", _AE),
    0x1031: ("move_originator_id", _SHORT),
}


@dataclass(frozen=True, slots=True)
class Command:
    """One command set; what it does not have is None, since an absent counter is not zero."""

    field: int
    message_id: int | None = None
    responded_to: int | None = None
    sop_class_uid: str | None = None
    sop_instance_uid: str | None = None
    dataset_type: int = NO_DATASET
    priority: int | None = None
    status: int | None = None
    error_comment: str | None = None
    remaining: int | None = None
    completed: int | None = None
    failed: int | None = None
    warning: int | None = None
    move_destination: str | None = None
    move_originator: str | None = None
    move_originator_id: int | None = None

    @property
    def has_dataset(self) -> bool:
        """Whether a data set follows; any value but 0101H says so (PS3.7 §E.1)."""
        return self.dataset_type != NO_DATASET

    @property
    def is_pending(self) -> bool:
        """Whether more responses follow."""
        return self.status in {PENDING, PENDING_WARNING}

    def response(self, status: int) -> Command:
        """Return the answer to this request."""
        return Command(
            self.field | RESPONSE,
            responded_to=self.message_id,
            sop_class_uid=self.sop_class_uid,
            sop_instance_uid=self.sop_instance_uid,
            status=status,
        )


@dataclass(frozen=True, slots=True)
class Message:
    """A command that came, with its data set where that was wanted in memory."""

    context_id: int
    command: Command
    dataset: bytes = b""


def encode_command(command: Command) -> bytes:
    """Return the command set as bytes."""
    parts: list[bytes] = []
    for number, (name, kind) in _ELEMENTS.items():
        value: int | str | None = getattr(command, name)
        if value is None:
            continue
        raw = _US.pack(value) if isinstance(value, int) else _text(value, b"\0" if kind == _UI else b" ")
        parts += (_HEADER.pack(0, number, len(raw)), raw)
    body = b"".join(parts)
    return _HEADER.pack(0, 0, 4) + struct.pack("<I", len(body)) + body


@lru_cache(maxsize=16)
def decode_command(raw: bytes) -> Command:
    """Return the command set; PduError where the bytes are none. Unknown elements are ignored.

    The responses of a long C-FIND are the same again and again, so the last few are kept.

    So are those of other groups: Orthanc 1.10 puts the Failed SOP Instance UID List (0008,0058) of a failed
    C-GET, which belongs into the identifier (PS3.4 §C.4.3.1.4), into the command set.
    """
    values: dict[str, int | str] = {}
    at = 0
    while at + 8 <= len(raw):
        group, number, length = _HEADER.unpack_from(raw, at)
        at += 8 + length
        if at > len(raw):
            raise PduError("a command set ends inside an element")
        name, kind = _ELEMENTS.get(number, ("", "")) if group == 0 else ("", "")
        if name and length:
            value = raw[at - length : at]
            values[name] = _number(value) if kind == _SHORT else value.decode("latin_1").strip(" \0")
    if "field" not in values:
        raise PduError("a command set has no Command Field")
    return Command(**values)  # pyright: ignore[reportArgumentType] - the table gives each name its type


def _number(raw: bytes) -> int:
    if len(raw) != _US.size:
        raise PduError("a number in a command set has the wrong length")
    return int.from_bytes(raw, "little")


def _text(value: str, padding: bytes) -> bytes:
    raw = value.encode("latin_1", "replace")
    return raw + padding * (len(raw) % 2)

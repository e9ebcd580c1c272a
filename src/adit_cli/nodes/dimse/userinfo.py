"""User information of an association request or answer (PS3.7 §D.3.3), as frozen values and bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

_ITEM = struct.Struct(">BxH")
_LENGTH = struct.Struct(">H")
MAX_LENGTH, IMPLEMENTATION_CLASS, ASYNC_OPERATIONS, ROLE, IMPLEMENTATION_VERSION = (
    0x51,
    0x52,
    0x53,
    0x54,
    0x55,
)
EXTENDED, COMMON_EXTENDED, IDENTITY_REQUEST, IDENTITY_ANSWER = 0x56, 0x57, 0x58, 0x59


class PduError(ValueError):
    """What came is no valid PDU; its text says what is wrong with it."""


class SpeaksTlsError(PduError):
    """What came is TLS."""

    hint = "Give the node `tls: true`, or write the port for plain DICOM."

    def __init__(self) -> None:
        super().__init__("it speaks TLS on this port, where plain DICOM was expected")


@dataclass(frozen=True, slots=True)
class Role:
    """Which roles the requestor takes for a SOP class (PS3.7 §D.3.3.4)."""

    sop_class_uid: str
    scu: bool
    scp: bool


@dataclass(frozen=True, slots=True)
class CommonExtended:
    """Service class and related general classes of a SOP class (PS3.7 §D.3.3.6)."""

    sop_class_uid: str
    service_class_uid: str
    related: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UserIdentity:
    """Who asks: 1 user name, 2 with passcode, 3 Kerberos, 4 SAML, 5 JSON web token (PS3.7 §D.3.3.7)."""

    kind: int
    primary: bytes
    secondary: bytes = field(default=b"", repr=False)
    answer_wanted: bool = False


@dataclass(frozen=True, slots=True)
class UserInformation:
    """What both sides say of themselves."""

    max_length: int = 0
    """Longest P-DATA value that may be sent to the one who says this; 0 is no limit."""
    implementation_class_uid: str = ""
    implementation_version: str = ""
    async_operations: tuple[int, int] | None = None
    roles: tuple[Role, ...] = ()
    extended: tuple[tuple[str, bytes], ...] = ()
    common_extended: tuple[CommonExtended, ...] = ()
    identity: UserIdentity | None = None
    identity_answer: bytes | None = None


def item(kind: int, value: bytes) -> bytes:
    """Return one item with its header."""
    return _ITEM.pack(kind, len(value)) + value


def items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield type and value of each item; PduError where a length points outside."""
    at = 0
    while at < len(data):
        if at + 4 > len(data):
            raise PduError("an item header is cut off")
        kind, length = _ITEM.unpack_from(data, at)
        at += 4 + length
        if at > len(data):
            raise PduError(f"item {kind:02X} is longer than what holds it")
        yield kind, data[at - length : at]


def uid_text(value: bytes) -> str:
    """Return a UID without the padding that some peers add (PS3.8 §F forbids it)."""
    return value.rstrip(b"\0 ").decode("latin_1")


def encode_user_information(user: UserInformation) -> bytes:
    """Return the sub-items, in the order of their types, as the standard lists them."""
    parts = [item(MAX_LENGTH, struct.pack(">I", user.max_length))]
    if user.implementation_class_uid:
        parts.append(item(IMPLEMENTATION_CLASS, user.implementation_class_uid.encode()))
    if user.async_operations is not None:
        parts.append(item(ASYNC_OPERATIONS, struct.pack(">HH", *user.async_operations)))
    parts += [
        item(ROLE, _sized(one.sop_class_uid.encode()) + bytes((one.scu, one.scp))) for one in user.roles
    ]
    if user.implementation_version:
        parts.append(item(IMPLEMENTATION_VERSION, user.implementation_version.encode()))
    parts += [item(EXTENDED, _sized(uid.encode()) + content) for uid, content in user.extended]
    parts += [item(COMMON_EXTENDED, _encode_common(one)) for one in user.common_extended]
    if user.identity is not None:
        who = user.identity
        flags = bytes((who.kind, who.answer_wanted))
        parts.append(item(IDENTITY_REQUEST, flags + _sized(who.primary) + _sized(who.secondary)))
    if user.identity_answer is not None:
        parts.append(item(IDENTITY_ANSWER, _sized(user.identity_answer)))
    return b"".join(parts)


def decode_user_information(data: bytes) -> UserInformation:
    """Return what the sub-items say; unknown ones are ignored (PS3.8 §9.3.1)."""
    user = UserInformation()
    try:
        for kind, value in items(data):
            user = _with_item(user, kind, value)
    except (struct.error, IndexError) as error:
        raise PduError("a sub-item of the user information is too short") from error
    return user


def _with_item(user: UserInformation, kind: int, value: bytes) -> UserInformation:
    match kind:
        case 0x51:
            return replace(user, max_length=struct.unpack(">I", value)[0])
        case 0x52:
            return replace(user, implementation_class_uid=uid_text(value))
        case 0x53:
            return replace(user, async_operations=struct.unpack(">HH", value))
        case 0x54:
            return replace(user, roles=(*user.roles, _decode_role(value)))
        case 0x55:
            return replace(user, implementation_version=value.decode("latin_1").strip(" \0"))
        case _:
            return _with_rare_item(user, kind, value)


def _with_rare_item(user: UserInformation, kind: int, value: bytes) -> UserInformation:
    match kind:
        case 0x56:
            uid, content = _take(value)
            return replace(user, extended=(*user.extended, (uid_text(uid), content)))
        case 0x57:
            return replace(user, common_extended=(*user.common_extended, _decode_common(value)))
        case 0x58:
            primary, rest = _take(value[2:])
            secondary = _take(rest)[0]
            return replace(user, identity=UserIdentity(value[0], primary, secondary, bool(value[1])))
        case 0x59:
            return replace(user, identity_answer=_take(value)[0])
        case _:
            return user


def _decode_role(value: bytes) -> Role:
    uid, roles = _take(value)
    return Role(uid_text(uid), bool(roles[0]), bool(roles[1]))


def _encode_common(one: CommonExtended) -> bytes:
    related = b"".join(_sized(uid.encode()) for uid in one.related)
    return _sized(one.sop_class_uid.encode()) + _sized(one.service_class_uid.encode()) + _sized(related)


def _decode_common(value: bytes) -> CommonExtended:
    sop_class, rest = _take(value)
    service_class, rest = _take(rest)
    listed = _take(rest)[0]
    related: list[str] = []
    while listed:
        uid, listed = _take(listed)
        related.append(uid_text(uid))
    return CommonExtended(uid_text(sop_class), uid_text(service_class), tuple(related))


def _sized(value: bytes) -> bytes:
    return _LENGTH.pack(len(value)) + value


def _take(data: bytes) -> tuple[bytes, bytes]:
    """Return the value behind a two-byte length, and the rest."""
    (length,) = _LENGTH.unpack_from(data)
    if length > len(data) - 2:
        raise PduError("a field of the user information is longer than its item")
    return data[2 : 2 + length], data[2 + length :]

"""The head of a Part-10 file (PS3.10 §7.1): read and write it. Data sets are never decoded here."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from adit_cli.dicom.vr import LONG_VRS
from adit_cli.errors import DataError

IMPLEMENTATION_CLASS_UID = "2.25.176462928782117613217553519482113598568"
IMPLEMENTATION_VERSION_NAME = "ADIT_CLI"

PREAMBLE = bytes(128) + b"DICM"
LONGEST_USUAL_HEAD = 4096
_LONGEST_HEAD = 1 << 24
_LONG_FORM = frozenset(vr.encode() for vr in LONG_VRS)
_SOP_CLASS, _SOP_INSTANCE, _TRANSFER_SYNTAX = _NEEDED = 0x0002, 0x0003, 0x0010


@dataclass(frozen=True, slots=True)
class FileMeta:
    """What the file meta information says of the data set behind it."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    dataset_offset: int


def read_file_meta(path: Path) -> FileMeta:
    """Return the file meta information; DataError where the file is not Part 10."""
    try:
        with path.open("rb", buffering=0) as file:
            head = file.read(LONGEST_USUAL_HEAD)
            if head[128:132] != b"DICM":
                raise DataError(f"{path.name} is not a DICOM file (PS3.10 §7.1): no DICM after the preamble")
            found, offset = _walk(head)
            if offset >= len(head) == LONGEST_USUAL_HEAD:
                head += file.read(_LONGEST_HEAD)
                found, offset = _walk(head)
    except OSError as error:
        raise DataError(f"{path.name} cannot be read: {error.strerror}") from error
    return _file_meta(path.name, found, offset if offset <= len(head) else None)


def file_meta_of(head: bytes, name: str) -> FileMeta:
    """Return the file meta information of a file that was read from somewhere else; DataError as above."""
    if head[128:132] != b"DICM":
        raise DataError(f"{name} is not a DICOM file (PS3.10 §7.1): no DICM after the preamble")
    found, offset = _walk(head)
    return _file_meta(name, found, offset if offset <= len(head) else None)


def _file_meta(name: str, found: dict[int, str], offset: int | None) -> FileMeta:
    if offset is None or not all(map(found.get, _NEEDED)):
        raise DataError(f"{name} has no whole file meta information (PS3.10 §7.1)")
    return FileMeta(found[_SOP_CLASS], found[_SOP_INSTANCE], found[_TRANSFER_SYNTAX], offset)


def _walk(head: bytes) -> tuple[dict[int, str], int]:
    """Return the UIDs of group 2 and where it ends; past the end of `head` means that it goes on.

    The group length is not asked: it is wrong or absent in files that everyone else reads.
    """
    found: dict[int, str] = {}
    at = len(PREAMBLE)
    while head[at : at + 2] == b"\x02\x00":
        if at + 12 > len(head):
            return found, len(head) + 1
        number, vr, length = struct.unpack_from("<H2sH", head, at + 2)
        start = at + 8
        if vr in _LONG_FORM:
            (length,) = struct.unpack_from("<I", head, at + 8)
            start = at + 12
        at = start + length
        if vr == b"UI":
            found[number] = head[start:at].rstrip(b"\0 ").decode("ascii", "replace")
    return found, at


@lru_cache(maxsize=256)
def _constant_parts(sop_class_uid: str, transfer_syntax_uid: str) -> tuple[bytes, bytes]:
    version = struct.pack("<HH2s2xI2s", 2, 0x0001, b"OB", 2, b"\0\1")
    before = version + _short(_SOP_CLASS, b"UI", sop_class_uid, b"\0")
    after = (
        _short(_TRANSFER_SYNTAX, b"UI", transfer_syntax_uid, b"\0")
        + _short(0x0012, b"UI", IMPLEMENTATION_CLASS_UID, b"\0")
        + _short(0x0013, b"SH", IMPLEMENTATION_VERSION_NAME, b" ")
    )
    return before, after


def part10_header(sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str) -> bytes:
    """Return preamble, prefix and group 2 to stand before a data set in that transfer syntax."""
    before, after = _constant_parts(sop_class_uid, transfer_syntax_uid)
    instance = _short(_SOP_INSTANCE, b"UI", sop_instance_uid, b"\0")
    length = len(before) + len(instance) + len(after)
    return b"".join((PREAMBLE, struct.pack("<HH2sHI", 2, 0, b"UL", 4, length), before, instance, after))


def _short(number: int, vr: bytes, text: str, padding: bytes) -> bytes:
    value = text.encode("ascii")
    value += padding * (len(value) % 2)
    return struct.pack("<HH2sH", 2, number, vr, len(value)) + value

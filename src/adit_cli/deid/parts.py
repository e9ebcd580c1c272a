"""Open a DICOM file as it is found in archives: header as elements, pixel data as a place in the file."""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

from adit_cli.dicom.elements import (
    BULK,
    UNDEFINED,
    Elements,
    Encoding,
    TruncatedError,
    encoding_of,
    parse,
    read_header,
)
from adit_cli.errors import DataError

DEFLATED, EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
NATIVE = frozenset((EXPLICIT, IMPLICIT, BIG_ENDIAN))
PIXELS = frozenset((BULK, BULK + 1, 0x7FE00010))
TRANSFER_SYNTAX = 0x00020010
FIRST_READ = 1 << 16
LARGEST_INFLATED = 1 << 31
_ITEM = struct.Struct("<HHL")


@dataclass(frozen=True, slots=True)
class Tail:
    """Pixel data: what its element is, and where its value stands."""

    tag: int
    vr: str
    length: int
    """As the element says it: UNDEFINED where the value is encapsulated."""
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class Parts:
    """A file taken apart."""

    meta: Elements
    elements: Elements
    transfer_syntax_uid: str
    encoding: Encoding
    tail: Tail | None
    inflated: bytes | None = None
    """The whole data set, where the file holds it deflated; `tail` then counts from its start."""
    pixels: bytes | None = None
    """Pixel data that takes the place of the file's own."""


def read_parts(path: Path) -> Parts:
    """Return the parts of a file; DataError where it is not DICOM or not whole."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise DataError(f"{path.name} cannot be read: {error.strerror}") from error
    try:
        return _read(descriptor, path.name)
    except TruncatedError as error:
        raise DataError(f"{path.name} is not whole: {error.message}") from error
    finally:
        os.close(descriptor)


def _read(descriptor: int, name: str) -> Parts:
    size = os.fstat(descriptor).st_size
    wanted = FIRST_READ
    while True:
        data = os.pread(descriptor, wanted, 0)
        try:
            return _split(data, descriptor, name)
        except TruncatedError:
            if len(data) >= size:
                raise
            wanted *= 4


def _split(data: bytes, descriptor: int, name: str) -> Parts:
    meta, offset = _read_meta(data, name)
    syntax = _uid(meta, TRANSFER_SYNTAX)
    if syntax == DEFLATED:
        return _split_inflated(meta, _inflate(descriptor, offset))
    syntax, encoding = _layout(data, offset, syntax)
    elements, stop = parse(data, encoding, offset=offset)
    tail = _tail(data, encoding, stop, descriptor)
    return Parts(meta, elements, syntax, encoding, tail)


def guess_encoding(data: bytes, offset: int = 0) -> Encoding:
    """Return the layout that the element at `offset` shows, for files that do not say or say it wrong."""
    big = data[offset : offset + 1] == b"\x00"
    return Encoding(not data[offset + 4 : offset + 6].isupper(), big)


def _read_meta(data: bytes, name: str) -> tuple[Elements, int]:
    """Return file meta information and where the data set starts, for files with it and without."""
    if data[128:132] == b"DICM":
        return parse(data, Encoding(), stop_before=0x00030000, offset=132)
    if data[:2] == b"\x02\x00" and data[4:6].isalpha():
        return parse(data, Encoding(), stop_before=0x00030000)
    if data[:2] in {b"\x08\x00", b"\x00\x08"}:
        return {}, 0
    raise DataError(f"{name} is not a DICOM file (PS3.10 §7.1)")


def _layout(data: bytes, offset: int, syntax: str) -> tuple[str, Encoding]:
    """Return transfer syntax and layout; the first element is believed where the file meta says otherwise."""
    if syntax and syntax not in NATIVE:
        return syntax, Encoding()
    seen = guess_encoding(data, offset)
    if syntax and seen == encoding_of(syntax):
        return syntax, seen
    if seen.implicit and seen.big_endian:
        raise DataError("The data set has no layout that the standard knows")
    return (IMPLICIT if seen.implicit else BIG_ENDIAN if seen.big_endian else EXPLICIT), seen


def _tail(data: bytes, encoding: Encoding, stop: int, descriptor: int) -> Tail | None:
    if stop >= len(data):
        if len(data) < os.fstat(descriptor).st_size:
            raise TruncatedError("More of the file has to be read")
        return None
    tag, vr, length, start = read_header(data, encoding, stop)
    if tag not in PIXELS:
        return None
    whole = os.fstat(descriptor).st_size
    size = _encapsulated_size(descriptor, start) if length == UNDEFINED else length
    if start + size > whole:
        raise DataError("The pixel data is cut off")
    return Tail(tag, _pixel_vr(vr, length), length, start, size)


def _pixel_vr(vr: str, length: int) -> str:
    if length == UNDEFINED:
        return "OB"
    return vr if vr in {"OB", "OW", "OF", "OD"} else "OW"


def _encapsulated_size(descriptor: int, start: int) -> int:
    """Return how many bytes the fragments take, with the delimiter behind them (PS3.5 §A.4)."""
    at = start
    while True:
        head = os.pread(descriptor, 8, at)
        if len(head) < _ITEM.size:
            raise DataError("The encapsulated pixel data is cut off")
        group, number, length = _ITEM.unpack(head)
        at += 8
        match group << 16 | number:
            case 0xFFFEE0DD:
                return at - start
            case 0xFFFEE000:
                at += length
            case _:
                raise DataError("The encapsulated pixel data is damaged")


def _inflate(descriptor: int, offset: int) -> bytes:
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(offset)
        engine = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            data = engine.decompress(file.read(), LARGEST_INFLATED)
        except zlib.error as error:
            raise DataError(f"The deflated data set is damaged: {error}") from error
    if not engine.eof:
        raise DataError("The deflated data set is cut off or too large")
    return data


def _split_inflated(meta: Elements, data: bytes) -> Parts:
    elements, stop = parse(data, Encoding())
    tail = None
    if stop < len(data):
        tag, vr, length, start = read_header(data, Encoding(), stop)
        if tag in PIXELS:
            size = len(data) - start if length == UNDEFINED else length
            tail = Tail(tag, _pixel_vr(vr, length), length, start, size)
    return Parts(meta, elements, DEFLATED, Encoding(), tail, data)


def _uid(elements: Elements, tag: int) -> str:
    element = elements.get(tag)
    return element.value.decode("latin_1").strip(" \0") if element else ""

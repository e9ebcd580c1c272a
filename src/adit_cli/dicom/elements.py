"""Data elements as bytes: take a data set apart and put it together again (PS3.5 §7).

Values are never decoded, so what nobody touches leaves exactly as it came, in any character set or byte
order. Only lengths are normalised: a sequence that had an undefined one is written with a defined one.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import TypeAlias

from adit_cli.dicom.vr import LONG_VRS, SHORT_VRS, standard_vr
from adit_cli.errors import DataError

BULK = 0x7FE00008
"""The first of Float, Double Float and Pixel Data: where the header of a data set ends (PS3.3 §C.7.6.3)."""
UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
MAX_DEPTH = 60
IMPLICIT_LITTLE, EXPLICIT_BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
_SHORT = {vr.encode(): vr for vr in SHORT_VRS}
_LONG = {vr.encode(): vr for vr in LONG_VRS}
_DELIMITERS = 0xFFFE
_LONGEST_SHORT = 0xFFFF
_LETTERS = re.compile(rb"[A-Z]{2}")


@dataclass(frozen=True, slots=True)
class Encoding:
    """How elements are laid out, apart from what pixel data looks like."""

    implicit: bool = False
    big_endian: bool = False


def encoding_of(transfer_syntax_uid: str) -> Encoding:
    """Return the layout of a transfer syntax; all but two are explicit little endian (PS3.5 §A)."""
    return Encoding(transfer_syntax_uid == IMPLICIT_LITTLE, transfer_syntax_uid == EXPLICIT_BIG)


@dataclass(slots=True)
class Element:
    """One data element: its raw value, or the items of a sequence.

    A sequence without `items` is one that could not be taken apart; it still holds its bytes.
    """

    tag: int
    vr: str
    value: bytes = b""
    items: list[Elements] | None = None
    undefined: bool = False
    """Written with undefined length: encapsulated fragments (in `value`) and sequences inside of UN."""


Elements: TypeAlias = dict[int, Element]


class TruncatedError(DataError):
    """The data ends inside an element; with more of it, parsing may succeed."""


def parse(
    data: bytes, encoding: Encoding, *, stop_before: int = BULK, offset: int = 0
) -> tuple[Elements, int]:
    """Return the elements of a data set up to the first tag from `stop_before` on, and where that stands.

    Raises TruncatedError or DataError where no further element can be made out.
    """
    reader = _Reader(data, encoding, stop_before)
    try:
        return reader.elements(offset, len(data), 0)
    except (struct.error, IndexError) as error:
        raise TruncatedError("The data set ends inside an element.") from error


def encode(elements: Elements, encoding: Encoding) -> bytes:
    """Return the elements as bytes, in the order of their tags."""
    write = _implicit_header if encoding.implicit else _explicit_header
    order = ">" if encoding.big_endian else "<"
    parts: list[bytes] = []
    for tag in sorted(elements):
        element = elements[tag]
        value = element.value
        if element.items is not None:
            inner = Encoding(implicit=True) if element.vr == "UN" else encoding
            value = _encode_items(element.items, inner)
            if element.undefined:
                value += struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
        parts += (write(element, len(value), order), value)
    return b"".join(parts)


def read_header(data: bytes, encoding: Encoding, offset: int) -> tuple[int, str, int, int]:
    """Return tag, VR, length and the start of the value of the element at `offset`."""
    try:
        return _Reader(data, encoding).header(offset)
    except (struct.error, IndexError) as error:
        raise TruncatedError("The data set ends inside an element.") from error


def encode_element_header(tag: int, vr: str, length: int, encoding: Encoding) -> bytes:
    """Return the start of an element whose value is written by other means; UNDEFINED is a length too."""
    element = Element(tag, vr, undefined=length == UNDEFINED)
    write = _implicit_header if encoding.implicit else _explicit_header
    return write(element, length, ">" if encoding.big_endian else "<")


class _Reader:
    """One pass over the bytes of a data set."""

    def __init__(self, data: bytes, encoding: Encoding, stop_before: int = 1 << 32) -> None:
        order = ">" if encoding.big_endian else "<"
        self.data = data
        self.encoding = encoding
        self.stop_before = stop_before
        self.header = self.implicit_header if encoding.implicit else self.explicit_header
        self.explicit = struct.Struct(order + "HH2sH").unpack_from
        self.plain = struct.Struct(order + "HHL").unpack_from
        self.long = struct.Struct(order + "L").unpack_from

    def elements(self, pos: int, end: int, depth: int) -> tuple[Elements, int]:
        """Read elements up to `end`, an item delimiter, or the tag to stop at."""
        data, header = self.data, self.header
        stop_before = 1 << 32 if depth else self.stop_before
        found: Elements = {}
        while pos < end:
            start = pos
            tag, vr, length, pos = header(pos)
            if tag >= stop_before:
                return found, start
            if tag == ITEM_END:
                return found, pos
            if vr in {"SQ", "UN"} or length == UNDEFINED:
                found[tag], pos = self.container(Element(tag, vr), length, pos, (end, depth))
                continue
            stop = pos + length
            if stop > end:
                raise TruncatedError(f"Element {tag:08X} is longer than what holds it.")
            found[tag] = Element(tag, vr, data[pos:stop])
            pos = stop
        return found, pos

    def explicit_header(self, pos: int) -> tuple[int, str, int, int]:
        """Return tag, VR, length and where the value starts (PS3.5 §7.1.2)."""
        group, number, code, length = self.explicit(self.data, pos)
        vr = _SHORT.get(code)
        if vr is not None:
            return group << 16 | number, vr, length, pos + 8
        vr = _LONG.get(code)
        if vr is not None:
            return group << 16 | number, vr, self.long(self.data, pos + 8)[0], pos + 12
        return self.odd_header(pos, group << 16 | number, code, length)

    def odd_header(self, pos: int, tag: int, code: bytes, length: int) -> tuple[int, str, int, int]:
        """Read a delimiter, an element without VR, or one with a VR that we do not know.

        VRs added later have the long form (PS3.5 §7.1.2), yet old writers invented short ones.
        """
        if tag >> 16 == _DELIMITERS or not _LETTERS.fullmatch(code):
            return self.implicit_header(pos)
        if length == 0 and self.long(self.data, pos + 8)[0] <= len(self.data) - pos - 12:
            return tag, "UN", self.long(self.data, pos + 8)[0], pos + 12
        return tag, "UN", length, pos + 8

    def implicit_header(self, pos: int) -> tuple[int, str, int, int]:
        """Return tag, the VR that the standard knows, length and where the value starts (PS3.5 §7.1.3)."""
        group, number, length = self.plain(self.data, pos)
        tag = group << 16 | number
        return tag, standard_vr(tag), length, pos + 8

    def container(
        self, element: Element, length: int, pos: int, within: tuple[int, int]
    ) -> tuple[Element, int]:
        """Read a value that holds items, or may do so."""
        end, depth = within
        if depth > MAX_DEPTH:
            raise DataError(f"Sequences are nested deeper than {MAX_DEPTH} levels.")
        if length == UNDEFINED:
            return self.undefined_length(element, pos, within)
        stop = pos + length
        if stop > end:
            raise TruncatedError(f"Element {element.tag:08X} is longer than what holds it.")
        if element.vr == "SQ" or standard_vr(element.tag) == "SQ":
            element.items = self.items_or_none(element, pos, stop, depth)
        if element.items is None:
            element.value = self.data[pos:stop]
        return element, stop

    def items_or_none(self, element: Element, pos: int, stop: int, depth: int) -> list[Elements] | None:
        """Return the items of a sequence of defined length, None where they make no sense."""
        try:
            return self.of_items(element).items(pos, stop, depth + 1)[0]
        except (DataError, struct.error, IndexError):
            return None

    def undefined_length(self, element: Element, pos: int, within: tuple[int, int]) -> tuple[Element, int]:
        """Read up to the sequence delimiter: items, or fragments of an encapsulated value (PS3.5 §A.4)."""
        end, depth = within
        if element.vr in {"SQ", "UN"}:
            element.undefined = element.vr == "UN" and not self.encoding.implicit
            element.items, pos = self.of_items(element).items(pos, end, depth + 1)
            return element, pos
        start, tag, element.undefined = pos, ITEM, True
        while tag == ITEM:
            tag, _, length, pos = self.implicit_header(pos)
            pos += length
        if tag != SEQUENCE_END or pos > end:
            raise TruncatedError(f"Element {element.tag:08X} has no end.")
        element.value = self.data[start:pos]
        return element, pos

    def of_items(self, element: Element) -> _Reader:
        """Return the reader for a sequence's items: in UN they are implicit little endian (PS3.5 §6.2.2)."""
        if element.vr != "UN" or self.encoding.implicit:
            return self
        return _Reader(self.data, Encoding(implicit=True))

    def items(self, pos: int, end: int, depth: int) -> tuple[list[Elements], int]:
        """Read items up to `end` or the sequence delimiter."""
        found: list[Elements] = []
        while pos < end:
            group, number, length = self.plain(self.data, pos)
            tag, pos = group << 16 | number, pos + 8
            if tag == SEQUENCE_END:
                break
            if tag != ITEM:
                raise DataError(f"{tag:08X} stands where an item of a sequence should.")
            stop = end if length == UNDEFINED else pos + length
            if stop > end:
                raise TruncatedError("An item is longer than its sequence.")
            item, pos = self.elements(pos, stop, depth)
            found.append(item)
        return found, pos


def _encode_items(items: list[Elements], encoding: Encoding) -> bytes:
    header = struct.Struct((">" if encoding.big_endian else "<") + "HHL")
    encoded = [encode(item, encoding) for item in items]
    return b"".join(header.pack(0xFFFE, 0xE000, len(item)) + item for item in encoded)


def _implicit_header(element: Element, length: int, order: str) -> bytes:
    tag = element.tag
    return struct.pack(order + "HHL", tag >> 16, tag & 0xFFFF, UNDEFINED if element.undefined else length)


def _explicit_header(element: Element, length: int, order: str) -> bytes:
    tag, vr = element.tag, element.vr
    if element.undefined:
        length = UNDEFINED
    if vr in SHORT_VRS and length <= _LONGEST_SHORT:
        return struct.pack(order + "HH2sH", tag >> 16, tag & 0xFFFF, vr.encode(), length)
    # What is too long for its VR becomes UN, PS3.5 §6.2.2.
    code = vr.encode() if vr in LONG_VRS else b"UN"
    return struct.pack(order + "HH2sHL", tag >> 16, tag & 0xFFFF, code, 0, length)

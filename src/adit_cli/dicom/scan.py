"""Find single elements at the top level of a data set, without building anything of the others.

For what is asked of every query response and every received file; `elements` is for changing data sets.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Collection, Iterator
from typing import TypeAlias

from adit_cli.dicom.elements import ITEM_END, SEQUENCE_END, UNDEFINED, Encoding
from adit_cli.dicom.vr import LONG_VRS, SHORT_VRS
from adit_cli.errors import DataError

Buffer: TypeAlias = bytes | mmap.mmap
_LONG_FORM = frozenset(vr.encode() for vr in LONG_VRS)
_SHORT_FORM = frozenset(vr.encode() for vr in SHORT_VRS)
_DEEPEST = 64


class _Scanner:
    """The byte order and VR encoding of one data set, as functions that read its headers."""

    def __init__(self, data: Buffer, encoding: Encoding) -> None:
        order = ">" if encoding.big_endian else "<"
        self.data = data
        self.implicit = encoding.implicit
        self.short = struct.Struct(f"{order}HH2sH").unpack_from
        self.plain = struct.Struct(f"{order}HHI").unpack_from
        self.long = struct.Struct(f"{order}I").unpack_from

    def elements(self, at: int, end: int) -> Iterator[tuple[int, bytes, int, int]]:
        """Yield tag, VR (empty where it is not written), start and length of every element; skip items."""
        data, short = self.data, self.short
        while at + 8 <= end:
            group, number, vr, length = short(data, at)
            if vr in _SHORT_FORM and not self.implicit:  # nearly all: not worth a call
                tag, at = group << 16 | number, at + 8
            else:
                tag, vr, at, length = self.header(at)
            if length == UNDEFINED:
                yield tag, b"SQ", at, 0
                at = self.after_undefined(at, implicit=self.implicit or vr == b"UN", depth=0)
                continue
            if at + length > end:
                raise DataError(f"The data set ends inside element {tag:08X}.")
            yield tag, vr, at, length
            at += length

    def header(self, at: int) -> tuple[int, bytes, int, int]:
        """Return tag, VR, where the value starts and its length."""
        group, number, vr, length = self.short(self.data, at)
        tag = group << 16 | number
        if self.implicit or tag >= ITEM_END or not vr.isalpha():
            return tag, b"", at + 8, self.plain(self.data, at)[2]
        if vr in _LONG_FORM:
            return tag, vr, at + 12, self.long(self.data, at + 8)[0]
        return tag, vr, at + 8, length

    def after_undefined(self, at: int, *, implicit: bool, depth: int) -> int:
        """Return where the sequence or encapsulated value that starts here ends."""
        if depth > _DEEPEST:
            raise DataError(f"Sequences are nested deeper than {_DEEPEST} levels.")
        while True:
            group, number, length = self.plain(self.data, at)
            at += 8
            if group << 16 | number == SEQUENCE_END:
                return at
            at = self.after_item(at, implicit=implicit, depth=depth) if length == UNDEFINED else at + length

    def after_item(self, at: int, *, implicit: bool, depth: int) -> int:
        """Return where an item of undefined length ends."""
        inside = _Scanner(self.data, Encoding(implicit=True)) if implicit and not self.implicit else self
        while True:
            tag, vr, at, length = inside.header(at)
            if tag == ITEM_END:
                return at
            if length == UNDEFINED:
                at = inside.after_undefined(at, implicit=implicit or vr == b"UN", depth=depth + 1)
            else:
                at += length


def scan(
    data: Buffer,
    encoding: Encoding,
    wanted: Collection[int] | None = None,
    *,
    at: int = 0,
    size: int | None = None,
) -> Iterator[tuple[int, str, bytes]]:
    """Yield tag, VR and raw value of the wanted elements, and read no further than the last of them.

    The VR is empty where it is not written. Sequences have theirs and an empty value.

    With the `size` of all of which `data` is the beginning, it goes on to the end: DataError where any
    element is cut, or reaches behind what is there and would have to be looked into.
    """
    last = max(wanted, default=-1) if wanted is not None and size is None else UNDEFINED
    end = len(data) if size is None else size
    try:
        for tag, vr, start, length in _Scanner(data, encoding).elements(at, end):
            if tag > last:
                return
            if wanted is None or tag in wanted:
                if start + length > len(data):
                    raise DataError(f"The data set ends inside element {tag:08X}.")
                yield tag, vr.decode("latin_1"), data[start : start + length]
    except struct.error as error:
        raise DataError("The data set ends inside an element.") from error

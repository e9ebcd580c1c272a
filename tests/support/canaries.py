"""One canary for each attribute of PS3.15 Table E.1-1: a value that is found again wherever it survives."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from adit_cli.deid.table import Row, rows
from adit_cli.dicom.elements import Element, Elements
from adit_cli.dicom.vr import standard_vr

KEPT_SEQUENCE = 0x00081032
"""Procedure Code Sequence: the table does not name it, so what is inside is gone through."""
TEXTS = frozenset(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"))


def canaries() -> Iterator[tuple[Row, Element, bytes]]:
    """Yield every row of the table with an element that holds its canary, and the canary."""
    for number, row in enumerate(rows()):
        if row.tag >> 16 != 2:
            yield row, *canary(row.tag, number)


def canary(tag: int, number: int) -> tuple[Element, bytes]:
    """Return an element of the VR that the standard gives this tag, with a value of its own."""
    vr = standard_vr(tag)
    if vr == "SQ":
        element, song = canary(0x00100010, number)
        return Element(tag, "SQ", items=[{element.tag: element}]), song
    song = _song(vr, number)
    return Element(tag, vr, song + (b"\0" if vr == "UI" else b" ") * (len(song) % 2)), song


def _song(vr: str, number: int) -> bytes:
    day = b"18%02d%02d%02d" % (number // 300, 1 + number // 25 % 12, 1 + number % 25)
    songs = {
        "UI": b"1.3.6.1.4.1.99999.%d.7" % number,
        "DA": day,
        "DT": day + b"111213.%06d" % number,
        "TM": b"111213.%06d" % (123000 + number),
        "AS": b"0%02dY" % (number % 89),
        "US": struct.pack("<H", 40000 + number),
        "DS": b"%d.5" % (7654321000 + number),
        "IS": b"%d" % (765432100 + number),
    }
    text = b"CANARY%06d" % number
    return songs.get(vr) or (text if vr in TEXTS else b"\1" + text + b"\2")


def buried(element: Element, depth: int) -> Elements:
    """Return a data set that holds the element below so many sequences."""
    for _ in range(depth):
        element = Element(KEPT_SEQUENCE, "SQ", items=[{element.tag: element}])
    return {element.tag: element}


def unearthed(data_set: Elements, depth: int) -> Elements:
    """Return the level at that depth."""
    for _ in range(depth):
        (data_set,) = data_set[KEPT_SEQUENCE].items or [{}]
    return data_set

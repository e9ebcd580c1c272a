"""Values that satisfy a VR and say nothing, and values made from a given text (PS3.5 §6.2)."""

from __future__ import annotations

import struct

from adit_cli.deid.context import Context
from adit_cli.deid.uids import replace_uids
from adit_cli.dicom.elements import Element, Elements, Encoding
from adit_cli.dicom.vr import standard_vr

NUMBERS = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}
TEXT_DUMMIES = {
    "AE": b"REMOVED ",
    "AS": b"001Y",
    "CS": b"REMOVED ",
    "DA": b"19000101",
    "DS": b"0 ",
    "DT": b"19000101000000",
    "IS": b"0 ",
    "LO": b"REMOVED ",
    "LT": b"REMOVED ",
    "PN": b"REMOVED ",
    "SH": b"REMOVED ",
    "ST": b"REMOVED ",
    "TM": b"000000",
    "UC": b"REMOVED ",
    "UR": b"urn:removed ",
    "UT": b"REMOVED ",
}
TIMEZONE = 0x00080201
OWN_DUMMIES = {TIMEZONE: b"+0000 "}
"""Attributes whose values have a form of their own."""
LONGEST = {"SH": 16, "AE": 16, "CS": 16, "LO": 64, "PN": 64}
"""How many characters a VR holds at most, where a text of ours may be longer."""
_STRUCTURE = frozenset(
    b"TEXT NUM CODE DATETIME DATE TIME UIDREF PNAME COMPOSITE IMAGE WAVEFORM SCOORD SCOORD3D TCOORD "
    b"CONTAINER "
    b"LEFT RIGHT CENTER YES NO Y N "
    b"CONTAINS SEPARATE CONTINUOUS POINT MULTIPOINT POLYLINE CIRCLE ELLIPSE PIXEL DISPLAY".split()
) | {b"HAS PROPERTIES", b"HAS OBS CONTEXT", b"HAS ACQ CONTEXT", b"INFERRED FROM", b"SELECTED FROM"}
"""Terms that give a content item its form (PS3.3 §C.17.3); without them a dummy would not be valid."""


def vr_to_write(element: Element) -> str:
    """Return the VR that a new value of this element has: the standard's where the file says UN."""
    return standard_vr(element.tag) if element.vr == "UN" else element.vr


def dummy(element: Element, context: Context) -> Element:
    """Return the element with a value that says nothing; of a sequence, one item made of such values."""
    vr = vr_to_write(element)
    if vr == "SQ" or element.items is not None:
        first = element.items[0] if element.items else {}
        return Element(
            element.tag, element.vr, items=[_dummy_item(first, context)], undefined=element.undefined
        )
    if vr == "UI":
        return Element(element.tag, vr, replace_uids(context.keys.uid, element.value or b"%d" % element.tag))
    if vr in NUMBERS:
        return Element(element.tag, vr, bytes(len(element.value) or struct.calcsize("=" + NUMBERS[vr])))
    value = OWN_DUMMIES.get(element.tag) or TEXT_DUMMIES.get(vr, b"\0\0\0\0")
    return Element(element.tag, vr, value)


def _dummy_item(item: Elements, context: Context) -> Elements:
    return {
        tag: element if _is_structure(element) else dummy(element, context)
        for tag, element in item.items()
        if not tag & 0x10000
    }


def _is_structure(element: Element) -> bool:
    return element.vr == "CS" and element.value.strip(b" \0") in _STRUCTURE


def text_value(element: Element, text: str, encoding: Encoding) -> Element:
    """Return the element with `text` as its value, cut to what its VR holds, a number where that is one."""
    vr = vr_to_write(element)
    if vr == "SQ" or element.items is not None:
        return Element(element.tag, element.vr, items=[])
    if vr in NUMBERS:
        return Element(element.tag, vr, _number(vr, text, encoding))
    value = text[: LONGEST.get(vr)].encode("ascii", "replace")
    return Element(element.tag, vr, value + (b"\0" if vr in {"UI", "UN", "OB"} else b" ") * (len(value) % 2))


def _number(vr: str, text: str, encoding: Encoding) -> bytes:
    layout = (">" if encoding.big_endian else "<") + NUMBERS[vr]
    try:
        return struct.pack(layout, float(text) if vr in {"FL", "FD"} else int(text))
    except (ValueError, struct.error):
        return b""

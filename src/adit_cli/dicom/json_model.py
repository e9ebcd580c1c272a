"""A data set in the DICOM JSON model (PS3.18 §F): text in its character set, sequences and private elements.

Pixel data is never in it, and a value that is too long for a person is cut to its length.
"""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from adit_cli.dicom import standard
from adit_cli.dicom.elements import BULK, Element, Elements, Encoding
from adit_cli.dicom.text import decode_text
from adit_cli.dicom.vr import standard_vr

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
JsonDataset: TypeAlias = dict[str, Json]
LONGEST = 1024
"""Bytes of a binary value that are kept."""
CUT = "urn:adit:cut:"
"""Stands where a value was cut, with the number of its bytes behind it."""
_CHARACTER_SET, _PIXEL_REPRESENTATION = 0x00080005, 0x00280103
_NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}
_BINARY = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "UN"))
_UNSPLIT = frozenset(("LT", "ST", "UT", "UR"))
_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")


def as_json(elements: Elements, encoding: Encoding) -> JsonDataset:
    """Return the elements as the model has them."""
    return _dataset(elements, _Context(encoding))


@dataclass(frozen=True, slots=True)
class _Context:
    """What the values of a data set depend on; items inherit it (PS3.5 §7.5.3)."""

    encoding: Encoding
    terms: tuple[str, ...] = ()
    signed: bool = False
    """Whether pixels, and what is told in their unit, may be negative."""

    def within(self, elements: Elements) -> _Context:
        """Return the context of these elements, some of which make it."""
        charset, pixels = elements.get(_CHARACTER_SET), elements.get(_PIXEL_REPRESENTATION)
        terms = tuple(decode_text(charset.value).strip(" \0").split("\\")) if charset else self.terms
        return _Context(self.encoding, terms, b"\1" in pixels.value if pixels else self.signed)

    def vr_of(self, element: Element) -> str:
        """Return the VR, also where it is not written and the standard leaves a choice (PS3.5 §A.1)."""
        if element.vr == "UN":
            return standard_vr(element.tag)
        choice = element.vr == "SS" and self.encoding.implicit and not self.signed
        return (
            "US" if choice and standard.elements().get(element.tag, ("",))[0].startswith("US") else element.vr
        )


def _dataset(elements: Elements, around: _Context) -> JsonDataset:
    context = around.within(elements)
    return {
        f"{tag:08X}": _element(element, context)
        for tag, element in sorted(elements.items())
        if tag & 0xFFFF and not is_pixel_data(tag)
    }


def trimmed(dataset: JsonDataset) -> JsonDataset:
    """Return what a server said of an instance without pixel data, and with long values cut."""
    return {
        name: _trimmed(value) for name, value in sorted(dataset.items()) if not is_pixel_data(int(name, 16))
    }


def _trimmed(element: Json) -> Json:
    if not isinstance(element, dict):
        return element
    binary, values = element.get("InlineBinary"), element.get("Value")
    if isinstance(binary, str) and len(binary) > LONGEST * 4 // 3 + 4:
        return {"vr": element.get("vr"), "BulkDataURI": f"{CUT}{len(binary) * 3 // 4}"}
    if element.get("vr") == "SQ" and isinstance(values, list):
        return {"vr": "SQ", "Value": [trimmed(item) if isinstance(item, dict) else item for item in values]}
    return element


def is_pixel_data(tag: int) -> bool:
    """Return whether an element is pixel data of any kind (PS3.3 §C.7.6.3)."""
    return BULK <= tag <= 0x7FE00010  # noqa: PLR2004 - Pixel Data itself


def _element(element: Element, context: _Context) -> Json:
    if element.items is not None:
        inner = replace(context, encoding=Encoding(implicit=True)) if element.vr == "UN" else context
        return {"vr": "SQ", "Value": [_dataset(item, inner) for item in element.items]}
    vr = context.vr_of(element)
    if not element.value:
        return {"vr": vr}
    if vr in _BINARY or vr == "SQ":
        return {"vr": vr if vr in _BINARY else "UN"} | _binary(element.value)
    order = ">" if context.encoding.big_endian and element.vr != "UN" else "<"  # PS3.5 §6.2.2
    return {"vr": vr, "Value": _values(vr, element.value, order, context.terms)}


def _binary(value: bytes) -> JsonDataset:
    if len(value) > LONGEST:
        return {"BulkDataURI": f"{CUT}{len(value)}"}
    return {"InlineBinary": base64.b64encode(value).decode()}


def _values(vr: str, value: bytes, order: str, terms: Sequence[str]) -> list[Json]:
    if vr in _NUMBERS:
        layout = struct.Struct(order + _NUMBERS[vr])
        whole = value[: len(value) // layout.size * layout.size]
        return [_finite(number) for (number,) in layout.iter_unpack(whole)]
    if vr == "AT":
        pairs = struct.iter_unpack(f"{order}HH", value[: len(value) // 4 * 4])
        return [f"{group:04X}{number:04X}" for group, number in pairs]
    text = decode_text(value, terms).rstrip("\0")
    if vr in _UNSPLIT:
        return [text.rstrip(" ")]
    return [_single(vr, part.strip(" \0")) for part in text.split("\\")]


def _single(vr: str, text: str) -> Json:
    """Return one value; one that is empty is null (PS3.18 §F.2.5), a number that is none stays text."""
    if not text:
        return None
    if vr == "PN":
        return {name: part for name, part in zip(_GROUPS, text.split("="), strict=False) if part}
    try:
        return int(text) if vr == "IS" else _finite(float(text)) if vr == "DS" else text
    except ValueError:
        return text


def _finite(number: float) -> Json:
    """Return a number as JSON has it; what is none is a text (PS3.18 §F.2.3)."""
    return number if math.isfinite(number) else str(number)

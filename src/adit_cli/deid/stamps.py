"""What a changed data set says of its change (PS3.15 §E.1.1): that, how, by which profile and options."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.metadata import version

from adit_cli.deid.claims import claimed_codes
from adit_cli.deid.spec import DeidSpec, Option
from adit_cli.deid.table import EDITION
from adit_cli.dicom.elements import Element, Elements

IDENTITY_REMOVED, METHOD, METHOD_CODES = 0x00120062, 0x00120063, 0x00120064
TIME_MODIFIED = 0x00280303
PROTOCOL_ID, PROTOCOL_NAME = 0x00120020, 0x00120021
MEANINGS: Mapping[str, str] = {
    "113100": "Basic Application Confidentiality Profile",
    "113101": "Clean Pixel Data Option",
    "113103": "Clean Graphics Option",
    "113104": "Clean Structured Content Option",
    "113105": "Clean Descriptors Option",
    "113106": "Retain Longitudinal Temporal Information Full Dates Option",
    "113107": "Retain Longitudinal Temporal Information Modified Dates Option",
    "113108": "Retain Patient Characteristics Option",
    "113109": "Retain Device Identity Option",
    "113110": "Retain UIDs Option",
    "113111": "Retain Safe Private Option",
    "113112": "Retain Institution Identity Option",
}
"""CID 7050 of PS3.16, as far as it can be claimed here."""


def stamps_of(spec: DeidSpec, trial: tuple[str, str]) -> Elements:
    """Return the elements that every data set of the job gets."""
    dates = {Option.FULL_DATES: b"UNMODIFIED", Option.MODIFIED_DATES: b"MODIFIED"}
    said = next((dates[option] for option in spec.options if option in dates), b"REMOVED")
    stamps = [
        _text(IDENTITY_REMOVED, "CS", b"YES"),
        _text(METHOD, "LO", method_of(spec)),
        Element(METHOD_CODES, "SQ", items=[_code(code) for code in claimed_codes(spec)]),
        _text(TIME_MODIFIED, "CS", said),
    ]
    protocol_id, protocol_name = trial
    if protocol_id:
        stamps.append(_text(PROTOCOL_ID, "LO", protocol_id.encode("ascii", "replace")))
        stamps.append(_text(PROTOCOL_NAME, "LO", protocol_name.encode("ascii", "replace")))
    return {stamp.tag: stamp for stamp in stamps}


def method_of(spec: DeidSpec) -> bytes:
    """Return tool, edition of the profile, and a hash that tells one set of rules from another."""
    rules = hashlib.sha256(spec.model_dump_json(exclude={"evidence"}).encode()).hexdigest()[:12]
    return f"ADIT CLI {version('adit-cli')}\\DICOM PS3.15 {EDITION}\\rules {rules}".encode()


def stamp(elements: Elements, original: Elements, stamps: Elements) -> None:
    """Put the stamps into a data set; codes of an earlier de-identification stay before ours."""
    elements.update(stamps)
    earlier = original.get(METHOD_CODES)
    if earlier and earlier.items:
        ours = stamps[METHOD_CODES].items or []
        known = [item for item in map(_earlier_code, earlier.items) if item and item not in ours]
        elements[METHOD_CODES] = Element(METHOD_CODES, "SQ", items=[*known, *ours])
    if not elements[METHOD_CODES].items:
        del elements[METHOD_CODES]


def _earlier_code(item: Elements) -> Elements | None:
    """Return an earlier item in our own words, None where its code is none that we know."""
    code = item.get(0x00080100)
    value = code.value.strip(b" \0").decode("latin_1") if code else ""
    return _code(value) if value in MEANINGS else None


def _code(value: str) -> Elements:
    elements = (
        _text(0x00080100, "SH", value.encode()),
        _text(0x00080102, "SH", b"DCM"),
        _text(0x00080104, "LO", MEANINGS[value].encode()),
    )
    return {element.tag: element for element in elements}


def _text(tag: int, vr: str, value: bytes) -> Element:
    return Element(tag, vr, value + b" " * (len(value) % 2))

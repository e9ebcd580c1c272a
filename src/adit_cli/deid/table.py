"""Table E.1-1 of PS3.15 and its options: which rule each attribute gets."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TypedDict

from adit_cli.deid.rules import (
    CapAge,
    Clean,
    Dummy,
    Empty,
    Hash,
    Keep,
    NewUid,
    Pseudonym,
    Remove,
    Rule,
    ShiftDate,
)
from adit_cli.deid.spec import Option
from adit_cli.dicom.vr import standard_vr

EDITION = "2024b"
COLUMNS = {
    Option.UIDS: "rtnUIDsOpt",
    Option.DEVICE_IDENTITY: "rtnDevIdOpt",
    Option.INSTITUTION_IDENTITY: "rtnInstIdOpt",
    Option.PATIENT_CHARACTERISTICS: "rtnPatCharsOpt",
    Option.FULL_DATES: "rtnLongFullDatesOpt",
    Option.MODIFIED_DATES: "rtnLongModifDatesOpt",
    Option.CLEAN_DESCRIPTORS: "cleanDescOpt",
    Option.CLEAN_STRUCTURED_CONTENT: "cleanStructContOpt",
    Option.CLEAN_GRAPHICS: "cleanGraphOpt",
}
TEMPORAL = frozenset(("DA", "DT", "TM"))
PATIENT_NAME, PATIENT_ID, PATIENT_AGE = 0x00100010, 0x00100020, 0x00101010
TIMEZONE = 0x00080201
HASHED = frozenset((0x00080050, 0x00200010))
"""Accession Number and Study ID: a PACS that merges studies by them must not find them all alike."""
OUR_LETTERS = {
    0x006A0003: "U",  # Annotation Group UID is a UID, though the table says D
    0x00700082: "D",  # Presentation Creation Date and Time are of type 1 in presentation states
    0x00700083: "D",
    TIMEZONE: "D",
    0x0040A160: "D",  # Text Value: the table reaches it only through Content Sequence
    0x00700006: "D",  # Unformatted Text Value: the same through Graphic Annotation Sequence
}
CLEANED = frozenset((0x0040A160,))
"""Texts of ours that Clean Descriptors cleans as it does those of the table."""
_LETTERS: Mapping[str, Rule] = {"X": Remove(), "Z": Empty(), "D": Dummy(), "U": NewUid()}


class _AttributeTypes(TypedDict):
    types: list[dict[str, str]]
    classes: dict[str, int]


@dataclass(frozen=True, slots=True)
class Row:
    """One attribute of the table."""

    tag: int
    name: str
    action: str
    """The Basic Profile's letters, in the order from most to least destructive: `X`, `X/Z/D`."""
    options: Mapping[str, str]
    """Column of an option → K (keep) or C (clean)."""

    @property
    def gentlest(self) -> str:
        """The least destructive letter that the table offers, safe in every IOD."""
        return self.action.rstrip("*")[-1]


@cache
def rows() -> tuple[Row, ...]:
    """Return every row that stands for one tag; the four that do not are the walk's own business."""
    text = files("adit_cli.deid").joinpath("data/confidentiality_profile_attributes.json").read_text("utf-8")
    entries: list[dict[str, str]] = json.loads(text)
    return tuple(_row(entry) for entry in entries if entry["id"].isalnum() and "x" not in entry["id"])


def _row(entry: Mapping[str, str]) -> Row:
    tag = int(entry["id"], 16)
    options = {column: value for column, value in entry.items() if column.endswith("Opt")}
    return Row(tag, entry["name"].split("\n")[0], OUR_LETTERS.get(tag, entry["basicProfile"]), options)


@cache
def letters_by_sop_class() -> Mapping[str, Mapping[int, str]]:
    """Return for each SOP class which letter the type of an attribute asks for: 1 → D, 2 → Z, 3 → X."""
    text = files("adit_cli.deid").joinpath("data/attribute_types.json").read_text("utf-8")
    data: _AttributeTypes = json.loads(text)
    letters = {"1": "D", "2": "Z", "3": "X"}
    sets = [{int(tag, 16): letters[kind] for tag, kind in types.items()} for types in data["types"]]
    return {uid: sets[number] for uid, number in data["classes"].items()}


def rule_of(row: Row, options: Collection[Option], letter: str = "") -> Rule:
    """Return what is done with an attribute under the Basic Profile with these options."""
    chosen = _by_option(row, options)
    if chosen:
        return chosen
    if row.tag in {PATIENT_NAME, PATIENT_ID}:
        return Pseudonym()
    if row.tag in HASHED:
        return Hash()
    return _LETTERS[letter if letter and letter in row.action else row.gentlest]


def _by_option(row: Row, options: Collection[Option]) -> Rule | None:
    """Return what an option makes of a row; of several, moving dates goes before keeping them."""
    said = {
        option: row.options[column]
        for option, column in COLUMNS.items()
        if option in options and column in row.options
    }
    if Option.MODIFIED_DATES in said and standard_vr(row.tag) in TEMPORAL:
        return ShiftDate()
    said.pop(Option.MODIFIED_DATES, None)
    if "K" in said.values():
        return CapAge() if row.tag == PATIENT_AGE else Keep()
    return _cleaned(row, said) if said else None


def _cleaned(row: Row, said: Mapping[Option, str]) -> Rule:
    if Option.DEVICE_IDENTITY in said:
        return Hash()
    return Keep() if standard_vr(row.tag) == "SQ" else Clean(needed=row.gentlest == "D")

"""What its concept says of a content item (PS3.15 §E.3.4, Table E.3.4-1), beyond what its attributes do."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from adit_cli.deid.context import OLDEST_AGE
from adit_cli.deid.rules import Keep, Rule
from adit_cli.deid.spec import Option
from adit_cli.dicom.elements import Element, Elements

CONTENT_SEQUENCES = frozenset((0x0040A730, 0x00400555, 0x00400612))
"""Content, acquisition context, and steps of a specimen's preparation."""
CONCEPT_NAME, VALUE_TYPE, TEXT_VALUE = 0x0040A043, 0x0040A040, 0x0040A160
CODE_VALUE, CODING_SCHEME = 0x00080100, 0x00080102
MEASURED, NUMBER = 0x0040A300, 0x0040A30A
SUBJECT_AGE = "121033"
LETTERS: Mapping[Option, str] = {
    Option.UIDS: "U",
    Option.DEVICE_IDENTITY: "D",
    Option.INSTITUTION_IDENTITY: "I",
    Option.PATIENT_CHARACTERISTICS: "P",
    Option.FULL_DATES: "F",
    Option.MODIFIED_DATES: "F",
    Option.CLEAN_DESCRIPTORS: "C",
}
KEEPING = "DIP"
"""Options under which the value stays as it is, which its attribute alone would not."""
_KEEP: Mapping[int, Rule] = {TEXT_VALUE: Keep()}
_NOTHING: Mapping[int, Rule] = {}


class Concept(NamedTuple):
    """A concept name and the type of its value."""

    code: str
    scheme: str
    value_type: str


@dataclass(frozen=True, slots=True)
class ContentRules:
    """What is done with content items under a job's options."""

    removed: frozenset[Concept]
    kept: frozenset[Concept]

    def removes(self, item: Elements) -> bool:
        """Return whether an item, with all below it, does not leave."""
        concept = concept_of(item)
        return concept in self.removed or (concept.code == SUBJECT_AGE and _is_old(item))

    def rules_for(self, item: Elements) -> Mapping[int, Rule]:
        """Return what holds for this item alone."""
        return _KEEP if concept_of(item) in self.kept else _NOTHING


def content_rules(options: Collection[Option]) -> ContentRules | None:
    """Return the rules for content items, None where structured content is not cleaned item by item."""
    if Option.CLEAN_STRUCTURED_CONTENT not in options:
        return None
    chosen = {LETTERS[option] for option in options if option in LETTERS}
    table = _table()
    return ContentRules(
        frozenset(row for row, (action, by) in table.items() if action == "X" and not chosen & set(by)),
        frozenset(row for row, (_, by) in table.items() if chosen & set(by) & set(KEEPING)),
    )


def concept_of(item: Elements) -> Concept:
    """Return the concept of an item, of empty texts where it has none."""
    named = item.get(CONCEPT_NAME)
    name = named.items[0] if named and named.items else {}
    return Concept(_text(name, CODE_VALUE), _text(name, CODING_SCHEME), _text(item, VALUE_TYPE))


@cache
def _table() -> Mapping[Concept, tuple[str, str]]:
    text = files("adit_cli.deid").joinpath("data/content_items.txt").read_text("utf-8")
    rows = (line.split(",") for line in text.splitlines() if not line.startswith("#"))
    return {Concept(code, scheme, kind): (action, by) for code, scheme, kind, action, by in rows}


def _is_old(item: Elements) -> bool:
    """Return whether a measured age is above what may be told; of an unreadable one nothing is known."""
    measured: Element | None = item.get(MEASURED)
    value = _text(measured.items[0], NUMBER) if measured and measured.items else ""
    return not value.replace(".", "", 1).isdecimal() or float(value) > OLDEST_AGE


def _text(elements: Elements, tag: int) -> str:
    element = elements.get(tag)
    return element.value.decode("latin_1").strip(" \0") if element else ""

"""What the browser shows, without a terminal: one level of the tree, what is typed to filter it, marks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from adit_cli.cli.columns import SHOWN, columns
from adit_cli.cli.table import Column
from adit_cli.cli.wording import for_person, printable
from adit_cli.dicom.patterns import TextRule
from adit_cli.dicom.query import Attributes, Level
from adit_cli.tasks.lookup import UNIQUE_KEYS, Lookup

BELOW = {Level.PATIENT: Level.STUDY, Level.STUDY: Level.SERIES, Level.SERIES: Level.IMAGE}
TITLES = {
    Level.PATIENT: "Patients",
    Level.STUDY: "Studies",
    Level.SERIES: "Series",
    Level.IMAGE: "Instances",
}
UIDS = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
_SEEN_ABOVE = {
    Level.PATIENT: ("PatientID", "PatientName"),
    Level.STUDY: ("PatientID", "PatientName"),
    Level.SERIES: ("PatientID", "StudyDate"),
    Level.IMAGE: ("PatientID", "Modality", "SeriesNumber"),
}


@dataclass(slots=True)
class Listing:
    """The entries of one level, below one entry of the level above or of a whole node."""

    lookup: Lookup
    above: Attributes = field(default_factory=dict[str, str])
    entries: list[Attributes] = field(default_factory=list[Attributes])
    typed: str = ""
    """What is typed to see fewer of them."""

    @property
    def level(self) -> Level:
        """The level of its entries."""
        return self.lookup.level

    def columns(self) -> dict[str, Column]:
        """Return the columns: no UID that a row can do without, nor what all have from above."""
        seen = _SEEN_ABOVE[self.level] if self.above else ()
        hidden = {*seen, *(UIDS[1:3] if self.level is not Level.IMAGE else ())}
        return {name: one for name, one in columns(SHOWN[self.level]).items() if name not in hidden}

    def cells(self, entry: Attributes) -> list[str]:
        """Return an entry as a person reads it."""
        return [shown(column, entry.get(name, "")) for name, column in self.columns().items()]

    def visible(self) -> list[Attributes]:
        """Return the entries that hold every word that is typed, in whatever column and case."""
        words = self.typed.casefold().split()
        return [entry for entry in self.entries if self._holds(entry, words)]

    def below(self, entry: Attributes) -> Listing | None:
        """Return the listing below an entry; None where there is nothing below."""
        level = BELOW.get(self.level)
        if level is None:
            return None
        place = self.above | entry
        rules = {name: TextRule((place[name],)) for name in _keys_above(level) if place.get(name)}
        return Listing(Lookup(level, rules, SHOWN[level]), place)

    def place(self, entry: Attributes) -> Attributes:
        """Return an entry with what is known of all above it."""
        return self.above | entry

    def _holds(self, entry: Attributes, words: list[str]) -> bool:
        text = " ".join((*self.cells(entry), *entry.values())).casefold()
        return all(word in text for word in words)


def shown(column: Column, text: str) -> str:
    """Return a value in one line, as a person reads it."""
    return printable(f"{int(text):,}" if column.counts and text.isdecimal() else for_person(column.vr, text))


def _keys_above(level: Level) -> tuple[str, ...]:
    """Return what leads to a level; a study is known by its UID alone, whatever its patient's ID."""
    match level:
        case Level.PATIENT:
            return ()
        case Level.STUDY:
            return ("PatientID",)
        case Level.SERIES:
            return ("StudyInstanceUID",)
        case Level.IMAGE:
            return ("StudyInstanceUID", "SeriesInstanceUID")


@dataclass(frozen=True, slots=True)
class Mark:
    """A patient, study or series that was marked, with what is known of it."""

    level: Level
    attributes: Attributes

    @property
    def key(self) -> tuple[str, ...]:
        """What it is known by."""
        names = UIDS[: UIDS.index(UNIQUE_KEYS[self.level]) + 1]
        return (self.level, *(self.attributes.get(name, "") for name in names))


class Marks:
    """What is marked, in the order in which it was."""

    def __init__(self) -> None:
        self._marks: dict[tuple[str, ...], Mark] = {}

    def __len__(self) -> int:
        return len(self._marks)

    def __contains__(self, mark: object) -> bool:
        return isinstance(mark, Mark) and mark.key in self._marks

    def all(self) -> list[Mark]:
        """Return the marks."""
        return list(self._marks.values())

    def toggle(self, marks: Iterable[Mark]) -> None:
        """Mark these; where all of them are, unmark them."""
        given = list(marks)
        if all(mark in self for mark in given):
            for mark in given:
                del self._marks[mark.key]
            return
        self._marks |= {mark.key: mark for mark in given}

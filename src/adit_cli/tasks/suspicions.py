"""Notice what spreadsheets do to identifiers: leading zeros gone, `.0` at the end, digits shown as 1.2E+10.

Only a person can tell whether it was done, so this is said and nothing is refused.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from adit_cli.tasks.tables import Row

_WATCHED = ("patient_id", "accession_number")
_FLOAT = re.compile(r"[0-9]+\.0+")
_FEWEST = 10
"""Numbers in a column below which the lengths of text say nothing."""
_SHORTEST = 5
"""Digits of a number that was probably an identifier of fixed length."""
_SHOWN_AS_POWER = 12
"""Digits from which a spreadsheet shows a number as 1.2E+11."""


@dataclass(slots=True)
class _Column:
    """What was seen in one column."""

    title: str
    lengths: Counter[int] = field(default_factory=Counter[int])
    floats: int = 0
    long: int = 0
    padded: bool = False
    """Whether a number has a leading zero: then they were kept."""
    typed: bool = False
    """Whether the file itself says that they are numbers."""

    def see(self, row: Row, name: str) -> None:
        """Look at a cell."""
        value = row.cells[name]
        if not value.isdecimal():
            self.floats += _FLOAT.fullmatch(value) is not None
            return
        self.padded = self.padded or (value[0] == "0" and len(value) > 1)
        if not row.may_be_number(name):
            return
        self.typed = self.typed or row.record.typed
        self.long += row.record.in_sheet and len(value) >= _SHOWN_AS_POWER
        self.lengths[len(value)] += 1

    @property
    def shortened(self) -> int:
        """How many numbers look as if their leading zeros were gone: shorter than most, none has one."""
        if not self.lengths or (self.padded and not self.typed):
            return 0
        longest = max(self.lengths)
        shorter = self.lengths.total() - self.lengths[longest]
        enough = self.typed or self.lengths.total() >= _FEWEST
        return shorter if enough and longest >= _SHORTEST and shorter <= self.lengths[longest] else 0


class Suspicions:
    """What looks wrong about a table's identifiers."""

    def __init__(self) -> None:
        self._columns: dict[str, _Column] = {}

    def see(self, row: Row) -> None:
        """Look at a row."""
        for name in _WATCHED:
            if row.cells.get(name):
                if name not in self._columns:
                    self._columns[name] = _Column(row.header.titles[row.header.known[name]])
                self._columns[name].see(row, name)

    def told(self) -> Iterator[str]:
        """Yield what a person should look at, without what the cells hold."""
        for column in self._columns.values():
            if shortened := column.shortened:
                yield (
                    f"column {column.title}: {shortened} of {column.lengths.total()} numbers are shorter"
                    " than the others: a spreadsheet may have dropped their leading zeros;"
                    " keep the column as text"
                )
            if column.floats:
                yield (
                    f"column {column.title}: {column.floats} cells end in .0: a program took them for"
                    " numbers, and they will not be found; keep the column as text"
                )
            if column.long:
                yield (
                    f"column {column.title}: {column.long} numbers are so long that the sheet shows them as"
                    " 1.2E+11; they are taken in full"
                )

"""Read the tables that people bring: headers as they write them, rows one by one, every cell as text.

A problem names the file, the row and the column, never what the cell holds: that is a patient's identifier.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from adit_cli.errors import UsageError
from adit_cli.tasks.formats import Record, read_records

Result = TypeVar("Result")
SHOWN = 50
"""Problems of one file that a message lists before it only counts."""


@dataclass(frozen=True, slots=True)
class Header:
    """The columns of a table: those that we know, by our name for them, and the others."""

    known: Mapping[str, int]
    extra: Mapping[str, int]
    titles: Sequence[str]
    place: int
    """Which record of the file it is."""

    @property
    def width(self) -> int:
        """How many columns there are."""
        return len(self.titles)


@dataclass(frozen=True, slots=True)
class Row:
    """One row below the header; 1 is the first."""

    number: int
    cells: Mapping[str, str]
    header: Header
    record: Record

    @property
    def extra(self) -> dict[str, str]:
        """What the columns hold that mean nothing to us."""
        return {title: self.record.cells[place] for title, place in self.header.extra.items()}

    def fault(self, name: str) -> str:
        """Return what is wrong with a cell whatever it is for."""
        return self.record.faults.get(self.header.known[name], "") if self.record.faults else ""

    def may_be_number(self, name: str) -> bool:
        """Return whether a cell is a number for the program that wrote it, as far as the file tells."""
        return not self.record.typed or self.header.known[name] in self.record.numbers

    def where(self, name: str) -> str:
        """Return a cell as its owner finds it: by its header, and in a sheet by its name."""
        place = self.header.known[name]
        title = self.header.titles[place]
        return f"{title} ({_letters(place)}{self.record.place})" if self.record.in_sheet else title


@dataclass(slots=True)
class Problems:
    """What is wrong with a file, gathered so that all of it is said at once."""

    path: Path
    found: list[str] = field(default_factory=list[str])
    count: int = 0

    def add(self, row: int | None, fact: str) -> None:
        """Note a fact about a row, or about the file as a whole."""
        self.count += 1
        if len(self.found) < SHOWN:
            where = f"{self.path}: row {row}" if row is not None else str(self.path)
            self.found.append(f"{where}: {fact}")

    def raise_any(self) -> None:
        """Raise UsageError with everything that was noted."""
        if self.count > len(self.found):
            self.found.append(f"{self.path}: and {self.count - len(self.found)} problems more")
        if self.found:
            raise UsageError(
                "\n".join(self.found), hint="rows are counted from the first one below the header"
            )


class Mistakes:
    """Errors of several files, gathered so that all of them are said at once."""

    def __init__(self) -> None:
        self._found: list[UsageError] = []

    def noted(self, read: Callable[[], Result]) -> Result | None:
        """Return what is read; nothing where that is an error, which is kept."""
        try:
            return read()
        except UsageError as error:
            self._found.append(error)
            return None

    def raise_any(self) -> None:
        """Raise UsageError with everything that was noted."""
        if self._found:
            hints = dict.fromkeys(error.hint for error in self._found if error.hint)
            raise UsageError("\n".join(error.message for error in self._found), hint="; ".join(hints))


def plain(text: str) -> str:
    """Return a header as it is compared: case, blanks, `_` and `-` make no difference."""
    return re.sub(r"[\s_-]+", "", text).casefold()


def read_table(
    path: Path, names: Mapping[str, str], columns: Mapping[str, str], problems: Problems, sheet: str = ""
) -> Iterator[Row]:
    """Yield the rows of a table; `names` maps plain headers to our names, `columns` our names to headers."""
    return _Table(names, columns, problems).rows(path, sheet)


class _Table:
    """A table while it is read."""

    def __init__(self, names: Mapping[str, str], columns: Mapping[str, str], problems: Problems) -> None:
        self._names = names
        self._columns = columns
        self._problems = problems
        self._header: Header | None = None

    def rows(self, path: Path, sheet: str) -> Iterator[Row]:
        """Yield the rows that hold anything; without a header that we know there are none."""
        for record in read_records(path, sheet, self._worth, self._fault):
            record.cells = [cell.strip() for cell in record.cells]
            if not record.faults and not any(record.cells):
                continue
            if self._header is not None:
                yield self._row(self._header, record)
                continue
            self._header = self._read_header(record)
            if not self._header.known:
                self._problems.add(
                    None, "no header is one that we know, such as patient_id: name yours under `columns`"
                )
                return

    def _worth(self, cells: Sequence[str]) -> int:
        return sum(plain(cell) in self._names for cell in cells)

    def _fault(self, place: int, fact: str) -> None:
        if self._header is None:
            self._problems.add(None, f"the header {fact}")
        else:
            self._problems.add(place - self._header.place, fact)

    def _row(self, header: Header, record: Record) -> Row:
        number = record.place - header.place
        cells = record.cells
        if len(cells) > header.width and any(cells[header.width :]):
            self._problems.add(number, f"has {len(cells)} cells below {header.width} headers")
        if len(cells) < header.width:
            cells += [""] * (header.width - len(cells))
        return Row(number, {name: cells[place] for name, place in header.known.items()}, header, record)

    def _read_header(self, record: Record) -> Header:
        titles = record.cells
        mapped = {plain(header): name for name, header in self._columns.items()}
        known: dict[str, int] = {}
        extra: dict[str, int] = {}
        for place, title in enumerate(titles):
            name = mapped.get(plain(title)) or self._unclaimed(self._names.get(plain(title)))
            if name is None:
                extra[_distinct(title or f"column {place + 1}", extra)] = place
            elif name in known:
                self._problems.add(None, f"two columns for {name}: {title!r} is the second")
            else:
                known[name] = place
        headers = {plain(title) for title in titles}
        for header in self._columns.values():
            if plain(header) not in headers:
                self._problems.add(None, f"no column is headed {header!r}")
        return Header(known, extra, titles, record.place)

    def _unclaimed(self, name: str | None) -> str | None:
        """Return the name unless the job takes it from another column."""
        return None if name in self._columns else name


def _distinct(title: str, taken: Mapping[str, int]) -> str:
    number, name = 1, title
    while name in taken:
        number += 1
        name = f"{title} ({number})"
    return name


def _letters(place: int) -> str:
    """Return a column's letters in a sheet; 0 is A."""
    letters = ""
    place += 1
    while place:
        place, digit = divmod(place - 1, 26)
        letters = chr(ord("A") + digit) + letters
    return letters

"""Read the tables that people bring: any common delimiter and encoding, every cell as text.

Rows are read one by one. A problem names the file and the row, never what the cell holds: that is a
patient's identifier.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from adit_cli.errors import UsageError
from adit_cli.tasks.encodings import opened

SHOWN = 50
"""Problems of one file that a message lists before it only counts."""
LONGEST_CELL = 100_000
_DELIMITERS = (",", ";", "\t", "|")
_NOTHING: tuple[int, list[str]] = (0, [])
_SEPARATOR_LINE = re.compile(r"sep=(.)\s*")


@dataclass(frozen=True, slots=True)
class Row:
    """One row below the header; 1 is the first."""

    number: int
    cells: Mapping[str, str]
    extra: Mapping[str, str]


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


@dataclass(frozen=True, slots=True)
class Header:
    """The columns of a table: those that we know, by our name for them, and the others."""

    known: Mapping[int, str]
    extra: Mapping[int, str]
    width: int


def plain(text: str) -> str:
    """Return a header as it is compared: case, blanks, `_` and `-` make no difference."""
    return re.sub(r"[\s_-]+", "", text).casefold()


def read_table(
    path: Path, names: Mapping[str, str], columns: Mapping[str, str], problems: Problems
) -> Iterator[Row]:
    """Yield the rows of a table; `names` maps plain headers to our names, `columns` our names to headers."""
    with opened(path) as lines:
        first = next(lines, "")
        delimiter = _SEPARATOR_LINE.fullmatch(first)
        first = next(lines, "") if delimiter else first
        chosen = delimiter[1] if delimiter else _delimiter(first, names)
        csv.field_size_limit(LONGEST_CELL)
        records = _records(csv.reader(chain([first], lines), delimiter=chosen), problems)
        _, cells = next(records, _NOTHING)
        header = _header(cells, names, columns, problems)
        for number, cells in records:
            if any(cell.strip() for cell in cells):
                yield _row(header, number, cells, problems)


def _records(reader: Iterator[list[str]], problems: Problems) -> Generator[tuple[int, list[str]]]:
    number = 0
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            problems.add(number, str(error))
            return
        yield number, cells
        number += 1


def _header(
    cells: Sequence[str], names: Mapping[str, str], columns: Mapping[str, str], problems: Problems
) -> Header:
    mapped = {plain(header): name for name, header in columns.items()}
    known: dict[int, str] = {}
    extra: dict[int, str] = {}
    for place, cell in enumerate(cells):
        name = mapped.get(plain(cell)) or _unclaimed(names.get(plain(cell)), columns)
        if name is None:
            extra[place] = cell.strip() or f"column {place + 1}"
        elif name in known.values():
            problems.add(None, f"two columns for {name}: {cell.strip()!r} is the second")
        else:
            known[place] = name
    headers = {plain(cell) for cell in cells}
    for header in columns.values():
        if plain(header) not in headers:
            problems.add(None, f"no column is headed {header!r}")
    return Header(known, extra, len(cells))


def _unclaimed(name: str | None, columns: Mapping[str, str]) -> str | None:
    """Return the name unless the job takes it from another column."""
    return None if name in columns else name


def _row(header: Header, number: int, cells: Sequence[str], problems: Problems) -> Row:
    if any(cell.strip() for cell in cells[header.width :]):
        problems.add(number, f"has {len(cells)} cells below {header.width} headers")
    values = {place: cell.strip() for place, cell in enumerate(cells)}
    return Row(
        number,
        {name: values.get(place, "") for place, name in header.known.items()},
        {name: values.get(place, "") for place, name in header.extra.items()},
    )


def _delimiter(header: str, names: Mapping[str, str]) -> str:
    """Return the delimiter that makes the most of the header: known columns first, then any."""
    return max(_DELIMITERS, key=lambda delimiter: _worth(header, delimiter, names))


def _worth(header: str, delimiter: str, names: Mapping[str, str]) -> tuple[int, int]:
    _, cells = next(enumerate(csv.reader([header], delimiter=delimiter)), _NOTHING)
    return sum(plain(cell) in names for cell in cells), len(cells)

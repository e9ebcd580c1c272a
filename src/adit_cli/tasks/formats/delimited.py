"""Read text with delimiters: any common one, any common encoding, quotes as RFC 4180 has them."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

from adit_cli.tasks.formats.encodings import opened
from adit_cli.tasks.formats.record import LONGEST_CELL, Faults, Record

_DELIMITERS = (",", ";", "\t", "|")
_SEPARATOR_LINE = re.compile(r"sep=(.)\s*")

_TEXT_FORMULA = re.compile(r'="((?:[^"]|"")*)"')
"""How programs keep a spreadsheet from taking a text for a number: it shows the text alone."""


def read_delimited(path: Path, worth: Callable[[list[str]], int], faults: Faults) -> Iterator[Record]:
    """Yield the records of a text file; a row that breaks the rules is told and passed over."""
    with opened(path) as lines:
        first = next(lines, "")
        said = _SEPARATOR_LINE.fullmatch(first)
        if said:
            first = next(lines, "")
        delimiter = said[1] if said else _delimiter(first, worth)
        csv.field_size_limit(LONGEST_CELL)
        yield from _records(csv.reader(chain([first], lines), delimiter=delimiter, strict=True), faults)


def _records(reader: Iterator[list[str]], faults: Faults) -> Iterator[Record]:
    """Yield records; strict, since a quote that is never closed would swallow rows."""
    place = 0
    while True:
        place += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            faults(place, _in_words(str(error)))
            continue
        if any(cell.startswith('="') for cell in cells):
            cells = list(map(_shown, cells))
        yield Record(place, cells)


def _shown(cell: str) -> str:
    formula = _TEXT_FORMULA.fullmatch(cell.strip())
    return formula[1].replace('""', '"') if formula else cell


def _in_words(error: str) -> str:
    if "field limit" in error:
        return f"has a cell of more than {LONGEST_CELL:,} characters"
    if "unexpected end" in error:
        return "has a quote that is never closed"
    return f"cannot be read: {error}"


def _delimiter(header: str, worth: Callable[[list[str]], int]) -> str:
    """Return the delimiter that makes the most of the header: known columns first, then any."""
    cut = {delimiter: _cut(header, delimiter) for delimiter in _DELIMITERS}
    return max(cut, key=lambda delimiter: (worth(cut[delimiter]), len(cut[delimiter])))


def _cut(header: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([header], delimiter=delimiter), list[str]())
    except csv.Error:
        return []

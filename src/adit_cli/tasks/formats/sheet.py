"""Read the rows of a sheet (ECMA-376 §18.3.1): one at a time, however many there are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import IO, TypeAlias
from xml.etree.ElementTree import Element, iterparse

from adit_cli.tasks.formats.record import LONGEST_CELL, Record
from adit_cli.tasks.formats.shown import NumberStyle, number_style

Texts: TypeAlias = Sequence[str]
"""The texts that cells refer to by number."""

_LETTERS = re.compile(r"[A-Z]{1,3}")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_TRUE = {"1": "TRUE", "0": "FALSE"}
_GENERAL = number_style(0, None, since_1904=False)
_NO_RESULT = "holds a formula without a result: open the table in a spreadsheet program, and save it"


def read_sheet(file: IO[bytes], texts: Texts, styles: Sequence[NumberStyle]) -> Iterator[Record]:
    """Yield the rows of a sheet's part that are written in it; empty ones may not be."""
    rows: Element | None = None
    reader: _Cells | None = None
    place = 0
    for event, element in iterparse(file, ("start", "end")):  # noqa: S314 - expat bounds entities
        if reader is None or rows is None:
            if element.tag.endswith("}sheetData"):
                rows, reader = element, _Cells(texts, styles, element.tag.removesuffix("sheetData"))
        elif event == "end" and element.tag == reader.row:
            place = int(element.get("r", place + 1))
            yield reader.read(place, element)
            rows.clear()
        elif event == "end" and element is rows:
            return


def text_of(element: Element) -> str:
    """Return a text in one piece or in several runs, without how it is pronounced (ECMA-376 §18.4)."""
    texts: list[str] = []
    for child in element:
        if child.tag.endswith("}t"):
            texts.append(child.text or "")
        elif child.tag.endswith("}r"):
            texts += [run.text or "" for run in child if run.tag.endswith("}t")]
    text = "".join(texts)
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


class _Cells:
    """Reads cells; an element's name begins with the namespace, which is one of two."""

    def __init__(self, texts: Texts, styles: Sequence[NumberStyle], namespace: str) -> None:
        self.row = f"{namespace}row"
        self._texts = texts
        self._styles = styles
        self._value = f"{namespace}v"
        self._formula = f"{namespace}f"
        self._text = f"{namespace}is"

    def read(self, place: int, row: Element) -> Record:
        """Return a row as text."""
        record = Record(place, [], typed=True, in_sheet=True)
        cells = record.cells
        for element in row:
            name = element.get("r")
            column = _column(name.rstrip("0123456789")) if name else len(cells)
            if column > len(cells):
                cells += [""] * (column - len(cells))
            cells.append(self._cell(element, record))
        return record

    def _cell(self, element: Element, record: Record) -> str:
        stored, formula = "", False
        for child in element:
            if child.tag == self._value:
                stored = child.text or ""
            elif child.tag == self._formula:
                formula = True
            elif child.tag == self._text:
                return _limited(text_of(child), record)
        if stored:
            return self._shown(element, stored, record)
        if formula and element.get("t") != "str":
            record.faults[len(record.cells)] = _NO_RESULT
        return ""

    def _shown(self, element: Element, stored: str, record: Record) -> str:
        match element.get("t", "n"):
            case "n":
                return self._number(stored, int(element.get("s", "0")), record)
            case "s":
                return _limited(self._texts[int(stored)], record)
            case "b":
                return _TRUE.get(stored, stored)
            case _:
                return _limited(stored, record)

    def _number(self, stored: str, style_number: int, record: Record) -> str:
        style = self._styles[style_number] if self._styles else _GENERAL
        if style.plain:
            record.numbers.add(len(record.cells))
        try:
            return style.show(stored)
        except ValueError as error:
            record.faults[len(record.cells)] = str(error)
            return ""


def _limited(text: str, record: Record) -> str:
    """Return the text of the next cell, unless it is too long for one."""
    if len(text) <= LONGEST_CELL:
        return text
    record.faults[len(record.cells)] = f"has more than {LONGEST_CELL:,} characters"
    return ""


@lru_cache(maxsize=1024)
def _column(letters: str) -> int:
    """Return the place of a column's letters; A is 0."""
    if not _LETTERS.fullmatch(letters):
        raise ValueError(f"no column is called {letters!r}")
    place = 0
    for letter in letters:
        place = place * 26 + ord(letter) - ord("A") + 1
    return place - 1

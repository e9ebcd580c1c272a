"""Turn the cells that openpyxl reads into text as they show it, row by row, however many there are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Protocol, TypeAlias

from adit_cli.tasks.formats.record import LONGEST_CELL, Record
from adit_cli.tasks.formats.shown import NO_DATE, NumberStyle, number_style, shown_moment

_MOST_ROWS = 1 << 20
"""Rows of a sheet: Excel has no more."""
_ESCAPED = re.compile(r"_x(00[01][0-9A-Fa-f]|005[Ff])_")
"""Control characters, and the underscore before what only looks like one (ECMA-376 §22.9.2.19)."""
_NO_RESULT = "holds a formula without a result: open the table in a spreadsheet program, and save it"


class _Style(Protocol):
    """What we need of openpyxl's style."""

    numFmtId: int  # noqa: N815  openpyxl's name


class _Cell(Protocol):
    """What we need of openpyxl's cell."""

    value: object
    data_type: str
    number_format: str
    style_array: _Style


Rows: TypeAlias = Iterator[Sequence[_Cell]]


class Formulas:
    """The same sheet read for its formulas, and only as far as somebody asks."""

    def __init__(self, start: Callable[[], Rows]) -> None:
        self._start = start
        self._rows: Rows | None = None
        self._row: Sequence[_Cell] = ()
        self._place = 0

    def at(self, place: int, column: int) -> bool:
        """Return whether a cell holds a formula; places must not go down."""
        if self._rows is None:
            self._rows = self._start()
        while self._place < place:
            self._row = next(self._rows, ())
            self._place += 1
        return column < len(self._row) and self._row[column].data_type == "f"


class SheetReader:
    """Reads the rows of one sheet."""

    def __init__(self, formulas: Formulas | None, *, since_1904: bool) -> None:
        self._formulas = formulas
        self._since_1904 = since_1904
        self._styles: dict[tuple[int, str], NumberStyle] = {}

    def read(self, rows: Rows) -> Iterator[Record]:
        """Yield the rows that have cells; a row far below its place would have us count to it for ever."""
        for place, row in enumerate(rows, start=1):
            if place > _MOST_ROWS:
                raise ValueError("has more rows than a sheet")
            if row:
                yield self._record(place, row)

    def _record(self, place: int, row: Sequence[_Cell]) -> Record:
        record = Record(place, [], typed=True, in_sheet=True)
        for cell in row:
            value = cell.value
            if isinstance(value, str):
                text = self._text(cell, value, record)
            elif value is None:
                text = self._nothing(cell, record)
            else:
                text = self._typed(cell, value, record)
            record.cells.append(text)
        return record

    def _text(self, cell: _Cell, value: str, record: Record) -> str:
        column = len(record.cells)
        if len(value) > LONGEST_CELL:
            record.faults[column] = f"has more than {LONGEST_CELL:,} characters"
            return ""
        if cell.data_type == "e" and value == "#VALUE!" and self._style(cell).date:
            record.faults[column] = NO_DATE  # what openpyxl makes of a day out of range
            return ""
        return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), value) if "_x" in value else value

    def _nothing(self, cell: _Cell, record: Record) -> str:
        """Return no text; a formula whose result is the empty text is of another type."""
        if self._formulas and cell.data_type != "str" and self._formulas.at(record.place, len(record.cells)):
            record.faults[len(record.cells)] = _NO_RESULT
        return ""

    def _typed(self, cell: _Cell, value: object, record: Record) -> str:
        if isinstance(value, bool):
            return str(value).upper()
        try:
            if isinstance(value, datetime | date | time | timedelta):
                return shown_moment(value)
            return self._number(cell, value, record)
        except ValueError as error:
            record.faults[len(record.cells)] = str(error)
            return ""

    def _number(self, cell: _Cell, value: object, record: Record) -> str:
        style = self._style(cell)
        if style.plain:
            record.numbers.add(len(record.cells))
        return style.show(str(value))

    def _style(self, cell: _Cell) -> NumberStyle:
        number, code = key = cell.style_array.numFmtId, cell.number_format
        if key not in self._styles:
            named = None if code == "General" else code
            self._styles[key] = number_style(number, named, since_1904=self._since_1904)
        return self._styles[key]

"""Turn the cells that openpyxl reads into text as they show it, row by row, however many there are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time, timedelta

from adit_cli.tasks.formats.package import NO_RESULT, Cell, Rows
from adit_cli.tasks.formats.record import LONGEST_CELL, Record
from adit_cli.tasks.formats.shown import NumberStyle, number_style, shown_moment

_MOST_ROWS = 1 << 20
"""Rows of a sheet: Excel has no more."""
_ESCAPED = re.compile(r"_x(00[01][0-9A-Fa-f]|005[Ff])_")
"""Control characters, and the underscore before what only looks like one (ECMA-376 §22.9.2.19)."""
_NO_RESULT = "holds a formula without a result: open the table in a spreadsheet program, and save it"


class SheetReader:
    """Reads the rows of one sheet."""

    def __init__(self, formats: Callable[[int], tuple[int, str]], *, since_1904: bool) -> None:
        self._formats = formats
        self._since_1904 = since_1904
        self._styles: dict[int, NumberStyle] = {}

    def read(self, rows: Rows) -> Iterator[Record]:
        """Yield the rows that have cells; those and cells that are out of order would be taken for others."""
        last = 0
        for place, row in rows:
            if not last < place <= _MOST_ROWS:
                raise ValueError("has rows out of order, or more than a sheet")
            last = place
            if row:
                yield self._record(place, row)

    def _record(self, place: int, row: Sequence[Cell]) -> Record:
        record = Record(place, [], typed=True, in_sheet=True)
        texts = record.cells
        for cell in row:
            if (passed := cell["column"] - 1 - len(texts)) < 0:
                raise ValueError("has cells out of order")
            if passed:
                texts += [""] * passed
            value = cell["value"]
            texts.append(
                value
                if type(value) is str and len(value) <= LONGEST_CELL and "_x" not in value
                else self._shown(cell, value, record)
            )
        return record

    def _shown(self, cell: Cell, value: object, record: Record) -> str:
        """Return the text of a cell that is more than that, or of none; what is wrong with it is a fault."""
        if value is None:
            if cell["data_type"] == NO_RESULT:
                record.faults[len(record.cells)] = _NO_RESULT
            return ""
        try:
            return self._typed(cell, value, record)
        except ValueError as error:
            record.faults[len(record.cells)] = str(error)
            return ""

    def _typed(self, cell: Cell, value: object, record: Record) -> str:
        match value:
            case str() if len(value) > LONGEST_CELL:
                raise ValueError(f"has more than {LONGEST_CELL:,} characters")
            case str():
                return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), value)
            case bool():
                return str(value).upper()
            case datetime() | date() | time() | timedelta():
                return shown_moment(value)
            case _:
                return self._number(cell, value, record)

    def _number(self, cell: Cell, value: object, record: Record) -> str:
        style = self._style(cell["style_id"])
        if style.plain:
            record.numbers.add(len(record.cells))
        return style.show(str(value))

    def _style(self, style_id: int) -> NumberStyle:
        if style_id not in self._styles:
            number, code = self._formats(style_id)
            named = None if code == "General" else code
            self._styles[style_id] = number_style(number, named, since_1904=self._since_1904)
        return self._styles[style_id]

"""Tables as Excel and pandas write them, and as they should not be."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Protocol, TypeAlias, cast

import openpyxl
from openpyxl.cell import WriteOnlyCell

Value: TypeAlias = str | float | bool | date | datetime | None


class Sheet(Protocol):
    """What we need of openpyxl's sheet, which says little of its types."""

    title: str
    sheet_state: str

    def append(self, row: Sequence[object]) -> None:
        """Add a row."""
        ...


class Book(Protocol):
    """What we need of openpyxl's workbook."""

    def create_sheet(self, title: str) -> Sheet:
        """Add a sheet."""
        ...

    def save(self, path: Path) -> None:
        """Write the file."""
        ...


class Styled:
    """A value with a number format."""

    def __init__(self, value: Value, number_format: str) -> None:
        self.value = value
        self.number_format = number_format

    def cell(self, sheet: Sheet) -> object:
        """Return the cell."""
        cell = WriteOnlyCell(sheet, value=self.value)  # pyright: ignore[reportArgumentType]  takes its own sheets
        cell.number_format = self.number_format
        return cell


def workbook(
    path: Path, rows: Iterable[Sequence[Value | Styled]], *, before: Sequence[tuple[str, str]] = ()
) -> Path:
    """Write a workbook whose last sheet is `Cohort`; `before` are empty ones: titles and states."""
    book = cast("Book", openpyxl.Workbook(write_only=True))
    for title, state in before:
        book.create_sheet(title).sheet_state = state
    sheet = book.create_sheet("Cohort")
    for row in rows:
        sheet.append([value.cell(sheet) if isinstance(value, Styled) else value for value in row])
    book.save(path)
    return path


def raw_workbook(path: Path, sheet: str, texts: str = "", main: str = "") -> Path:
    """Write a workbook from the XML of its rows, and of its shared texts: what openpyxl would not write."""
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    kinds = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    relations = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        f'<Default Extension="xml" ContentType="{kind}.worksheet+xml"/>'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
        f'<Override PartName="/xl/texts.xml" ContentType="{kind}.sharedStrings+xml"/></Types>',
        "_rels/.rels": f'{relations}<Relationship Id="r" Type="{kinds}/officeDocument"'
        ' Target="/xl/workbook.xml"/></Relationships>',
        "xl/_rels/workbook.xml.rels": f'{relations}<Relationship Id="s" Type="{kinds}/worksheet"'
        f' Target="worksheets/one.xml"/><Relationship Id="t" Type="{kinds}/sharedStrings"'
        ' Target="texts.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{space}" xmlns:r="{kinds}">{main}'
        '<sheets><sheet name="One" sheetId="1" r:id="s"/></sheets></workbook>',
        "xl/texts.xml": f'<sst xmlns="{space}">{texts}</sst>',
        "xl/worksheets/one.xml": f'<worksheet xmlns="{space}"><sheetData>{sheet}</sheetData></worksheet>',
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, text in parts.items():
            package.writestr(name, text)
    return path

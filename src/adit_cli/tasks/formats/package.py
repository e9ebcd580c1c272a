"""An Excel workbook as openpyxl's parsers yield it, without what they make of it for those who change one.

`openpyxl.load_workbook` looks through sheets that do not say how large they are, makes an object of every
text that cells share, and one of every cell: more work than to parse a table of many rows.
"""

# pyright: reportPrivateUsage=false, reportArgumentType=false, reportUnknownMemberType=false
# openpyxl types few of its arguments, and makes cells of the parser's dictionaries in private modules only

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Protocol, TypeAlias, TypedDict, cast
from zipfile import ZipFile

from openpyxl.cell.read_only import ReadOnlyCell
from openpyxl.cell.text import Text
from openpyxl.reader.excel import ExcelReader
from openpyxl.styles.stylesheet import apply_stylesheet
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from openpyxl.worksheet._reader import WorkSheetParser
from openpyxl.xml.constants import SHARED_STRINGS, SHEET_MAIN_NS
from openpyxl.xml.functions import iterparse

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_ITEM, _TEXT, _FORMULA = (f"{{{SHEET_MAIN_NS}}}{name}" for name in ("si", "t", "f"))
NO_RESULT = "f"
"""The type of a cell that holds a formula without a result."""


class Cell(TypedDict):
    """A cell as openpyxl's parser yields it. Dates are numbers still, and `style_id` says how they show."""

    row: int
    column: int
    value: object
    data_type: str
    style_id: int


Rows: TypeAlias = Iterator[tuple[int, Sequence[Cell]]]
"""The rows that a sheet has, by their places."""


class _Style(Protocol):
    numFmtId: int  # noqa: N815  openpyxl's name


class _Styled(Protocol):
    number_format: str
    style_array: _Style


class _Sheet(Protocol):
    name: str
    state: str


class _Part(Protocol):
    """What we need of a relationship, and of a part in the package's list."""

    target: str
    Type: str
    PartName: str


class _Parts(Protocol):
    def find(self, content_type: str) -> _Part | None: ...


class _Sheets(Protocol):
    def find_sheets(self) -> Iterator[tuple[_Sheet, _Part]]: ...


class _Reader(Protocol):
    """What we need of openpyxl's reader of packages, which says nothing of its types."""

    archive: ZipFile
    package: _Parts
    parser: _Sheets
    wb: _Book

    def read_manifest(self) -> None: ...
    def read_workbook(self) -> None: ...


class _Book(Protocol):
    epoch: object


class _Runs(Protocol):
    content: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet of cells."""

    title: str
    is_visible: bool
    part: str


@dataclass(frozen=True, slots=True)
class _Owner:
    """What openpyxl's cell looks its style up in."""

    parent: _Book


class _Parser(WorkSheetParser):
    """Reads results, and tells where there is none: an empty cell and a formula that nobody computed."""

    def parse_cell(self, element: Element) -> dict[str, object]:
        """Return a cell; an empty text is a result, of another type."""
        cell: dict[str, object] = super().parse_cell(element)
        if cell["value"] is None and cell["data_type"] != "str" and element.find(_FORMULA) is not None:
            cell["data_type"] = NO_RESULT
        return cell


class Package:
    """An open workbook."""

    def __init__(self, file: IO[bytes]) -> None:
        self._reader = cast("_Reader", ExcelReader(file, read_only=True, keep_links=False))
        self._reader.read_manifest()
        self._reader.read_workbook()
        self._archive, self._book = self._reader.archive, self._reader.wb
        apply_stylesheet(self._archive, self._book)
        self.since_1904 = self._book.epoch == CALENDAR_MAC_1904
        self._texts: list[str] | None = None

    def sheets(self) -> list[Sheet]:
        """Return the sheets of cells in their order; there are charts beside them."""
        present = set(self._archive.namelist())
        return [
            Sheet(sheet.name, sheet.state == "visible", part.target)
            for sheet, part in self._reader.parser.find_sheets()
            if part.target in present and "chartsheet" not in part.Type
        ]

    def rows(self, sheet: Sheet) -> Rows:
        """Yield the rows of a sheet, with the results of formulas; one without is of the type `f`."""
        if self._texts is None:
            self._texts = list(self._read_texts())
        with self._archive.open(sheet.part) as part:
            yield from cast("Rows", _Parser(part, self._texts, data_only=True).parse())

    def number_format(self, style_id: int) -> tuple[int, str]:
        """Return number and code of a style's number format; `General` may be another that is built in."""
        owner = _Owner(self._book)
        cell = cast("_Styled", ReadOnlyCell(owner, row=1, column=1, value=None, style_id=style_id))
        return cell.style_array.numFmtId, cell.number_format

    def _read_texts(self) -> Iterator[str]:
        """Yield the texts that cells share: openpyxl's way is taken for those with runs."""
        listed = self._reader.package.find(SHARED_STRINGS)
        if listed is None:
            return
        with self._archive.open(listed.PartName[1:]) as part:
            for _, node in iterparse(part):
                if node.tag != _ITEM:
                    continue
                is_plain = len(node) == 1 and node[0].tag == _TEXT
                yield (node[0].text or "") if is_plain else cast("_Runs", Text.from_tree(node)).content
                node.clear()

"""Open an Excel workbook by openpyxl, and find the sheet that is to be read."""

from __future__ import annotations

import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import datetime
from pathlib import Path
from typing import IO, Protocol, cast
from xml.etree.ElementTree import ParseError

import openpyxl
from openpyxl.formula.tokenizer import TokenizerError
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from openpyxl.utils.exceptions import CellCoordinatesException

from adit_cli.errors import UsageError
from adit_cli.tasks.formats.record import Record
from adit_cli.tasks.formats.sheet import Formulas, Rows, SheetReader

_LARGEST_PART = 2 << 30
"""Bytes that a part may unpack to which is read in pieces."""
_LARGEST_WHOLE_PART = 256 << 20
"""Bytes that any other part may unpack to: openpyxl reads it as a whole."""
_IN_PIECES = re.compile(r"/worksheets/|sharedstrings", re.IGNORECASE)
_FORMULA = re.compile(rb"<(?:[\w.-]+:)?f[\s/>]")
PIECE = 1 << 16
"""Bytes in which a part is searched for formulas."""
_OVERLAP = 64
"""Bytes of a piece that are looked at again with the next one: more than the start of a formula has."""
_UNSOUND = (
    zipfile.BadZipFile,
    zlib.error,
    ParseError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    OverflowError,
    EOFError,
    NotImplementedError,
    CellCoordinatesException,
    TokenizerError,
)


class _Sheet(Protocol):
    """What we need of openpyxl's sheet."""

    title: str
    sheet_state: str

    def reset_dimensions(self) -> None:
        """Forget what the file says of how many rows there are: it may be wrong."""
        ...

    def iter_rows(self) -> Rows:
        """Return the rows; those that the file leaves out are empty."""
        ...


class _Book(Protocol):
    """What we need of openpyxl's workbook."""

    worksheets: Sequence[_Sheet]
    epoch: datetime

    def close(self) -> None:
        """Close the package."""
        ...


def read_workbook(path: Path, sheet: str) -> Iterator[Record]:
    """Yield the records of the sheet with this name, or of the first one that is visible."""
    warnings.filterwarnings("ignore", category=UserWarning, module=r"openpyxl\.")
    try:
        with path.open("rb") as file:
            yield from _records(file, path, sheet)
    except _UNSOUND:
        raise _unsound(path) from None  # the cause quotes cells
    except OSError as error:
        if error.errno is not None:
            raise
        raise _unsound(path) from None  # openpyxl says so when a package holds no workbook


def _unsound(path: Path) -> UsageError:
    hint = "open it in a spreadsheet program, and save it as .xlsx or as CSV UTF-8"
    return UsageError(f"{path}: is no sound Excel workbook", hint=hint)


def _records(file: IO[bytes], path: Path, name: str) -> Iterator[Record]:
    may_lack_results = _bounded_and_with_formulas(file, path)
    with ExitStack() as books:
        book = books.enter_context(closing(_load(file, results=True)))
        rows = _rows(book, path, name)

        def formulas() -> Rows:
            return _rows(books.enter_context(closing(_load(file, results=False))), path, name)

        reader = SheetReader(
            Formulas(formulas) if may_lack_results else None, since_1904=book.epoch == CALENDAR_MAC_1904
        )
        yield from reader.read(rows)


def _load(file: IO[bytes], *, results: bool) -> _Book:
    """Open a workbook for the results of its formulas, or for the formulas."""
    return cast("_Book", openpyxl.load_workbook(file, read_only=True, data_only=results, keep_links=False))


def _rows(book: _Book, path: Path, name: str) -> Rows:
    for sheet in book.worksheets:
        named = sheet.title.casefold() == name.casefold()
        if named or (not name and sheet.sheet_state == "visible"):
            sheet.reset_dimensions()
            return sheet.iter_rows()
    known = ", ".join(sheet.title for sheet in book.worksheets)
    raise UsageError(f"{path}: has no sheet {name!r}: there are {known or 'none'}")


def _bounded_and_with_formulas(file: IO[bytes], path: Path) -> bool:
    """Return whether any part has a formula; refuse a part that would unpack to too much."""
    with zipfile.ZipFile(file) as package:
        for part in package.infolist():
            most = _LARGEST_PART if _IN_PIECES.search(part.filename) else _LARGEST_WHOLE_PART
            if part.file_size > most:
                raise UsageError(f"{path}: a part of it would unpack to more than {most >> 20:,} MiB")
        return any(_has_formula(package, name) for name in package.namelist())


def _has_formula(package: zipfile.ZipFile, name: str) -> bool:
    """Return whether a part has a formula, or is in an encoding in which none would be seen."""
    with package.open(name) as part:
        seen = part.read(PIECE)
        if b"\0" in seen[:4]:
            return True
        while seen:
            if _FORMULA.search(seen):
                return True
            piece = part.read(PIECE)
            seen = seen[-_OVERLAP:] + piece if piece else b""
    return False

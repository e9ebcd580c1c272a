"""Open an Excel workbook by openpyxl, and find the sheet that is to be read."""

from __future__ import annotations

import gc
import re
import warnings
import zipfile
import zlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from xml.etree.ElementTree import ParseError

from openpyxl.formula.tokenizer import TokenizerError
from openpyxl.utils.exceptions import CellCoordinatesException

from adit_cli.errors import UsageError
from adit_cli.tasks.formats.package import Package, Sheet
from adit_cli.tasks.formats.record import Record
from adit_cli.tasks.formats.sheet import SheetReader

_LARGEST_PART = 2 << 30
"""Bytes that a part may unpack to which is read in pieces."""
_LARGEST_WHOLE_PART = 256 << 20
"""Bytes that any other part may unpack to: openpyxl reads it as a whole."""
_IN_PIECES = re.compile(r"/worksheets/|sharedstrings", re.IGNORECASE)
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


def read_workbook(path: Path, sheet: str) -> Iterator[Record]:
    """Yield the records of the sheet with this name, or of the first one that is visible."""
    warnings.filterwarnings("ignore", category=UserWarning, module=r"openpyxl\.")
    try:
        with path.open("rb") as file, _no_search_for_cycles():
            yield from _records(file, path, sheet)
    except _UNSOUND:
        raise _unsound(path) from None  # the cause quotes cells
    except OSError as error:
        if error.errno is not None:
            raise
        raise _unsound(path) from None  # openpyxl says so when a package holds no workbook


@contextmanager
def _no_search_for_cycles() -> Generator[None]:
    """Spare Python a fifth of the time: a sheet is millions of objects, and none refers to itself."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _unsound(path: Path) -> UsageError:
    hint = "open it in a spreadsheet program, and save it as .xlsx or as CSV UTF-8"
    return UsageError(f"{path}: is no sound Excel workbook", hint=hint)


def _records(file: IO[bytes], path: Path, name: str) -> Iterator[Record]:
    _check_sizes(file, path)
    package = Package(file)
    sheet = _chosen(package.sheets(), path, name)
    reader = SheetReader(package.number_format, since_1904=package.since_1904)
    yield from reader.read(package.rows(sheet))


def _chosen(sheets: Sequence[Sheet], path: Path, name: str) -> Sheet:
    for sheet in sheets:
        if sheet.title.casefold() == name.casefold() or (not name and sheet.is_visible):
            return sheet
    if not sheets:
        hint = "save it as Excel workbook (.xlsx, not Strict Open XML) or as CSV UTF-8"
        raise UsageError(f"{path}: has no sheet that can be read", hint=hint)
    what = f"has no sheet {name!r}" if name else "shows no sheet: name one as `sheet`"
    raise UsageError(f"{path}: {what}: there are {', '.join(sheet.title for sheet in sheets)}")


def _check_sizes(file: IO[bytes], path: Path) -> None:
    """Refuse a part that would unpack to too much."""
    with zipfile.ZipFile(file) as package:
        for part in package.infolist():
            most = _LARGEST_PART if _IN_PIECES.search(part.filename) else _LARGEST_WHOLE_PART
            if part.file_size > most:
                raise UsageError(f"{path}: a part of it would unpack to more than {most >> 20:,} MiB")

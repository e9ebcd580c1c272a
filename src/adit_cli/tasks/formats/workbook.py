"""Find the sheet in an Excel workbook, and what its cells refer to: texts, number formats (ECMA-376 §18).

openpyxl takes twice as long for a hundred thousand rows, and reads a formula without a result as nothing.
"""

from __future__ import annotations

import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from xml.etree.ElementTree import Element, ParseError, iterparse

from adit_cli.errors import UsageError
from adit_cli.tasks.formats.record import Record
from adit_cli.tasks.formats.sheet import Texts, read_sheet, text_of
from adit_cli.tasks.formats.shown import NumberStyle, number_style

_LARGEST_PART = 2 << 30
"""Bytes that a part may unpack to."""
_UNSOUND = (
    zipfile.BadZipFile,
    zlib.error,
    ParseError,
    LookupError,
    ValueError,
    EOFError,
    NotImplementedError,
)


def read_workbook(path: Path, sheet: str) -> Iterator[Record]:
    """Yield the records of the sheet with this name, or of the first one that is visible."""
    try:
        with zipfile.ZipFile(path) as package:
            yield from _Workbook(package, path).records(sheet)
    except _UNSOUND as error:
        hint = "open it in a spreadsheet program, and save it as .xlsx or as CSV UTF-8"
        raise UsageError(f"{path}: is no sound Excel workbook", hint=hint) from error


class _Workbook:
    """A workbook's parts."""

    def __init__(self, package: zipfile.ZipFile, path: Path) -> None:
        self._package = package
        self._path = path
        self._main = self._targets("", "officeDocument").popitem()[1]

    def records(self, name: str) -> Iterator[Record]:
        """Return the records of a sheet, or of the first visible one."""
        part = self._sheet(name)
        texts = self._texts()
        with self._part(part) as file:
            yield from read_sheet(file, texts, self._styles())

    def _sheet(self, name: str) -> str:
        parts = self._targets(self._main, "worksheet")
        sheets = [sheet for sheet in self._elements(self._main, "sheet") if _reference(sheet) in parts]
        for sheet in sheets:
            named = sheet.get("name", "").casefold() == name.casefold()
            if named or (not name and sheet.get("state", "visible") == "visible"):
                return parts[_reference(sheet)]
        known = ", ".join(sheet.get("name", "") for sheet in sheets)
        raise UsageError(f"{self._path}: has no sheet {name!r}: there are {known or 'none'}")

    def _texts(self) -> Texts:
        found = self._targets(self._main, "sharedStrings")
        return [text_of(one) for one in self._elements(found.popitem()[1], "si")] if found else []

    def _styles(self) -> list[NumberStyle]:
        """Return how numbers are shown, by the index that cells give."""
        found = self._targets(self._main, "styles")
        if not found:
            return []
        part = found.popitem()[1]
        codes = {one.get("numFmtId", ""): one.get("formatCode") for one in self._elements(part, "numFmt")}
        since_1904 = any(
            one.get("date1904") in {"1", "true"} for one in self._elements(self._main, "workbookPr")
        )
        return [
            number_style(int(form), codes.get(form), since_1904=since_1904)
            for formats in self._elements(part, "cellXfs")
            for form in (one.get("numFmtId", "0") for one in formats)
        ]

    def _targets(self, part: str, kind: str) -> dict[str, str]:
        """Return the parts of a kind that a part refers to, by reference (ECMA-376 Part 2 §6.5)."""
        folder, name = posixpath.split(part)
        relations = self._elements(posixpath.join(folder, "_rels", f"{name}.rels"), "Relationship")
        return {
            one.get("Id", ""): posixpath.normpath(posixpath.join("/", folder, one.get("Target", ""))).lstrip(
                "/"
            )
            for one in relations
            if one.get("Type", "").rpartition("/")[2] == kind
        }

    def _elements(self, part: str, name: str) -> Iterator[Element]:
        """Yield a part's elements of a name; each is forgotten when the next one comes."""
        with self._part(part) as file:
            around: list[Element] = []
            ending = f"}}{name}"
            for event, element in iterparse(file, ("start", "end")):  # noqa: S314 - expat bounds entities
                if event == "start":
                    around.append(element)
                    continue
                around.pop()
                if element.tag.endswith(ending):
                    yield element
                    around[-1].remove(element)

    def _part(self, name: str) -> IO[bytes]:
        if self._package.getinfo(name).file_size > _LARGEST_PART:
            raise UsageError(f"{self._path}: would unpack to more than {_LARGEST_PART >> 30} GiB")
        return self._package.open(name)


def _reference(sheet: Element) -> str:
    """Return the name of a sheet's reference; `id` is in one of two namespaces, transitional and strict."""
    return next((value for name, value in sheet.items() if name.endswith("}id")), "")

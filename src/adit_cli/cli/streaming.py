"""Rows of data on standard output while they come: the first are read before the last are there.

A machine's formats have the same columns whatever comes. A table takes its columns from the first rows.
"""

from __future__ import annotations

import csv
import json
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from adit_cli.cli.output import Format, Row, default_format
from adit_cli.cli.table import Column, Layout, fitted
from adit_cli.cli.wording import printable

FIRST = 100
"""Rows from which a table's columns are made, unless fewer come in a while."""


class RowStream(Protocol):
    """Where rows go."""

    def add(self, rows: Sequence[Row]) -> None:
        """Write some rows; none says that it may take a while until more come."""
        ...

    def end(self) -> None:
        """Write what is left, and what a reader needs to know that nothing came."""
        ...


def open_stream(columns: Mapping[str, Column], machine: Sequence[str], kind: Format, uid: str) -> RowStream:
    """Return where rows of a format go; `machine` names the columns of CSV and TSV, `uid` that of UIDs."""
    match kind:
        case Format.TABLE:
            return TableStream(columns)
        case Format.CSV | Format.TSV:
            return SeparatedStream(machine, commas=kind is Format.CSV)
        case Format.JSON:
            return JsonStream()
        case Format.NDJSON:
            return LineStream()
        case Format.UID:
            return UidStream(uid)


def asked_format(output: Format | None) -> Format:
    """Return the format that was asked for, or the usual one."""
    return output or default_format()


class TableStream:
    """A table whose widths are those of the first rows; numbers that are wider go beyond them."""

    def __init__(self, columns: Mapping[str, Column]) -> None:
        self._columns = columns
        self._waiting: list[list[str]] = []
        self._layout: Layout | None = None

    def add(self, rows: Sequence[Row]) -> None:
        """Write the rows, or keep them until there are enough to make columns of."""
        self._waiting += [[_text(row.get(name)) for name in self._columns] for row in rows]
        if self._waiting and (self._layout or not rows or len(self._waiting) >= FIRST):
            self._write(more=True)

    def end(self) -> None:
        """Write what is left."""
        if self._waiting:
            self._write(more=False)

    def _write(self, *, more: bool) -> None:
        if self._layout is None:
            self._layout = fitted(list(self._columns.values()), self._waiting, more=more)
            _write_lines(self._layout.heading())
        _write_lines(self._layout.lines(self._waiting))
        self._waiting = []


class SeparatedStream:
    """CSV, or one record a line without any quoting, so that cut and awk work."""

    def __init__(self, names: Sequence[str], *, commas: bool) -> None:
        self._names = names
        self._writer = csv.writer(sys.stdout, lineterminator="\n") if commas else None
        self._begun = False

    def add(self, rows: Sequence[Row]) -> None:
        """Write the rows."""
        if rows:
            self._begin()
            self._records([[_text(row.get(name)) for name in self._names] for row in rows])

    def end(self) -> None:
        """Write the heading where there was no row."""
        self._begin()

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._records([self._names])

    def _records(self, records: Sequence[Sequence[str]]) -> None:
        if self._writer is None:
            _write_lines("\t".join(map(printable, record)) for record in records)
            return
        self._writer.writerows(records)
        sys.stdout.flush()


class JsonStream:
    """One list of objects."""

    def __init__(self) -> None:
        self._number = 0

    def add(self, rows: Sequence[Row]) -> None:
        """Write the rows."""
        for row in rows:
            sys.stdout.write(",\n" if self._number else "[\n")
            sys.stdout.write(textwrap.indent(json.dumps(row, ensure_ascii=False, indent=2), "  "))
            self._number += 1
        sys.stdout.flush()

    def end(self) -> None:
        """Close the list."""
        sys.stdout.write("\n]\n" if self._number else "[]\n")


class LineStream:
    """One object a line."""

    def add(self, rows: Sequence[Row]) -> None:
        """Write the rows."""
        _write_lines(json.dumps(row, ensure_ascii=False) for row in rows)

    def end(self) -> None:
        """Be done; all is written."""


class UidStream:
    """One UID a line, each once: what two entries share is still one."""

    def __init__(self, keyword: str) -> None:
        self._keyword = keyword
        self._seen: set[str] = {""}

    def add(self, rows: Sequence[Row]) -> None:
        """Write the UIDs that are new."""
        uids = dict.fromkeys(_text(row.get(self._keyword)) for row in rows)
        fresh = [uid for uid in uids if uid not in self._seen]
        self._seen.update(fresh)
        _write_lines(printable(uid) for uid in fresh)

    def end(self) -> None:
        """Be done; all is written."""


def _text(value: str | float | None) -> str:
    return "" if value is None else str(value)


def _write_lines(lines: Iterable[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    if text:
        sys.stdout.write(text)
        sys.stdout.flush()

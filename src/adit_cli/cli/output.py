"""Rows of data on standard output: a table for people, TSV for pipes, and what else `--format` names.

One row is a mapping from column name to text; the machine's formats keep names and values as they are.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum

from adit_cli.cli.table import Column, render
from adit_cli.cli.wording import printable

Row = Mapping[str, str | int | float | None]


class Format(StrEnum):
    """What `--format` accepts."""

    TABLE = "table"
    CSV = "csv"
    TSV = "tsv"
    JSON = "json"
    NDJSON = "ndjson"
    UID = "uid"


def write(text: str) -> None:
    """Write to standard output, with one newline at the end; nothing for an empty text."""
    if text:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")


def default_format() -> Format:
    """Return a table for a terminal, TSV for a pipe or a file."""
    return Format.TABLE if sys.stdout.isatty() else Format.TSV


def show_rows(
    rows: Sequence[Row],
    columns: Mapping[str, Column],
    output: Format | None,
    uid: str = "",
) -> None:
    """Write the rows; `columns` are those of the table, `uid` names the one that `--format uid` prints.

    The machine's formats hold the table's columns and whatever else the rows have.
    """
    match output or default_format():
        case Format.TABLE:
            cells = [[_text(row.get(name)) for name in columns] for row in rows]
            write(render(list(columns.values()), cells) if rows else "")
        case Format.CSV | Format.TSV as kind:
            write(_separated(rows, list(columns), "," if kind is Format.CSV else "\t"))
        case Format.JSON:
            write(json.dumps(list(rows), ensure_ascii=False, indent=2))
        case Format.NDJSON:
            write("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
        case Format.UID:
            write("".join(f"{value}\n" for row in rows if (value := _text(row.get(uid)))))


def _text(value: str | float | None) -> str:
    return "" if value is None else str(value)


def _separated(rows: Sequence[Row], names: list[str], delimiter: str) -> str:
    names = [*names, *dict.fromkeys(name for row in rows for name in row if name not in names)]
    if delimiter == "\t":  # one record a line and no quoting, so that cut and awk work
        lines = ["\t".join(printable(_text(row.get(name))) for name in names) for row in rows]
        return "\n".join(["\t".join(names), *lines])
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_text(row.get(name)) for name in names] for row in rows)
    return buffer.getvalue()

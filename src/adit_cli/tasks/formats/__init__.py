"""Tables as files: text with delimiters, Excel workbooks, Parquet, read record by record as text.

What a file is decides its beginning, not its name: people rename.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from adit_cli.errors import UsageError
from adit_cli.tasks.formats.delimited import read_delimited
from adit_cli.tasks.formats.record import Faults, Record

__all__ = ["Faults", "Record", "read_records"]

_ZIP = b"PK\x03\x04"
_PARQUET = b"PAR1"
_OLE = b"\xd0\xcf\x11\xe0"


def read_records(
    path: Path, sheet: str, worth: Callable[[list[str]], int], faults: Faults
) -> Iterator[Record]:
    """Yield the records of a table, its header first; UsageError where the file is none.

    `sheet` names that of a workbook, or is empty; `worth` tells how many headers of a row are known, by
    which a delimiter is chosen; `faults` takes what is wrong with a record as a whole.
    """
    start = _start(path)
    if sheet and start != _ZIP:
        raise UsageError(f"{path}: has no sheets, but a sheet is named", hint="leave `sheet` out")
    if start == _ZIP:
        from adit_cli.tasks.formats.workbook import read_workbook  # noqa: PLC0415  most cohorts are CSV

        return read_workbook(path, sheet)
    if start == _PARQUET:
        from adit_cli.tasks.formats.columnar import read_parquet  # noqa: PLC0415  most cohorts are CSV

        return read_parquet(path)
    if start == _OLE:
        raise UsageError(
            f"{path}: is an Excel file of the old kind, or has a password",
            hint="save it as .xlsx without a password, or as CSV UTF-8",
        )
    return read_delimited(path, worth, faults)


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(4)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error

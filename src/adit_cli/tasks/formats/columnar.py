"""Read a Parquet file, some rows at a time, each value as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol, cast

from adit_cli.errors import UsageError
from adit_cli.tasks.formats.record import LONGEST_CELL, Record

_ROWS = 2000
"""Rows that are held at the same time."""
_BUFFER = 1 << 16
"""Bytes of a column that are read at once, instead of all of a row group."""


class _Column(Protocol):
    """A column of some rows."""

    def to_pylist(self) -> list[object]:
        """Return its values."""
        ...


class _Batch(Protocol):
    """Some rows."""

    @property
    def columns(self) -> Sequence[_Column]:
        """Its columns."""
        ...


class _Schema(Protocol):
    """The columns of a file."""

    @property
    def names(self) -> list[str]:
        """Their headers."""
        ...


class _File(Protocol):
    """What we need of pyarrow's ParquetFile, which says nothing of its types."""

    @property
    def schema_arrow(self) -> _Schema:
        """Its columns."""
        ...

    def iter_batches(self, batch_size: int, *, use_threads: bool) -> Iterator[_Batch]:
        """Yield its rows."""
        ...


def read_parquet(path: Path) -> Iterator[Record]:
    """Yield the header and the rows of a Parquet file."""
    try:
        from pyarrow import parquet  # noqa: PLC0415  an extra, and slow to import
    except ImportError as error:
        raise UsageError(
            f"{path}: to read Parquet needs pyarrow",
            hint="pip install 'adit-cli[parquet]', or save it as CSV",
        ) from error
    try:
        yield from _records(cast("_File", parquet.ParquetFile(path, buffer_size=_BUFFER)))
    except (ValueError, NotImplementedError, OSError) as error:
        raise UsageError(
            f"{path}: is no sound Parquet file", hint="write it again, or save it as CSV"
        ) from error


def _records(file: _File) -> Iterator[Record]:
    yield Record(1, list(file.schema_arrow.names))
    place = 1
    for batch in file.iter_batches(batch_size=_ROWS, use_threads=False):
        for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            place += 1
            yield _record(place, values)


def _record(place: int, values: tuple[object, ...]) -> Record:
    cells = [_text(value) for value in values]
    record = Record(place, cells, typed=True)
    record.numbers = {at for at, value in enumerate(values) if isinstance(value, int | float)}
    for at, cell in enumerate(cells):
        if len(cell) > LONGEST_CELL:
            record.faults[at] = f"has more than {LONGEST_CELL:,} characters"
            cells[at] = ""
    return record


def _text(value: object) -> str:
    """Return a value as text; a whole number that only became a float because others are missing is whole."""
    if value is None or value != value:  # noqa: PLR0124  only NaN differs from itself
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)

"""A cohort of 100,000 patients, checked by `adit check`: as text, as workbook, as Parquet."""

from __future__ import annotations

import csv
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, cast

from benchmarks.adit import adit
from benchmarks.measure import Contender, Row, Settings, Target
from benchmarks.processes import emptied, timed
from tests.support.workbooks import raw_workbook

ROWS = 100_000
HEADERS = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "StudyDate",
    "ModalitiesInStudy",
    "AccessionNumber",
    "Pseudonym",
)
LONGEST, MOST_MEMORY = 10, 300e6
OPENPYXL = (
    "import sys, openpyxl\n"
    "book = openpyxl.load_workbook(sys.argv[1], read_only=True, data_only=True)\n"
    "print(sum(len(row) for row in book.worksheets[0].iter_rows(values_only=True)))"
)


class _Arrow(Protocol):
    """What we need of pyarrow, which says nothing of its types."""

    def table(self, columns: dict[str, tuple[str, ...]]) -> object:
        """Return a table."""
        ...


class _Parquet(Protocol):
    """What we need of pyarrow's parquet."""

    def write_table(self, table: object, path: Path) -> None:
        """Write a table."""
        ...


def _rows(number: int) -> Iterator[tuple[str, ...]]:
    for n in range(number):
        day = f"2024-{n % 12 + 1:02}-{n % 28 + 1:02}"
        yield f"{n:08}", f"Doe^Jane {n}", "1961-02-03", day, "CT,SR", f"A{n:010}", f"LUNG-{n:06}"


def _write_csv(path: Path, number: int) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([HEADERS, *_rows(number)])


def _write_workbook(path: Path, number: int) -> None:
    """Write the rows as Excel does: texts apart, cells that refer to them."""
    texts: dict[str, int] = {}
    rows = "".join(
        f'<row r="{place}">'
        + "".join(
            f'<c r="{chr(65 + column)}{place}" t="s"><v>{texts.setdefault(text, len(texts))}</v></c>'
            for column, text in enumerate(row)
        )
        + "</row>"
        for place, row in enumerate([HEADERS, *_rows(number)], start=1)
    )
    raw_workbook(path, rows, "".join(f"<si><t>{text}</t></si>" for text in texts))


def _write_parquet(path: Path, number: int) -> None:
    import pyarrow as pa  # noqa: PLC0415  only this row needs it
    from pyarrow import parquet  # noqa: PLC0415  only this row needs it

    columns: dict[str, tuple[str, ...]] = dict(zip(HEADERS, zip(*_rows(number), strict=True), strict=True))
    cast("_Parquet", parquet).write_table(cast("_Arrow", pa).table(columns), path)


@contextmanager
def cohort(settings: Settings) -> Generator[Row]:
    """`adit check` of a job with a cohort of 100,000 rows, pseudonyms in a column."""
    work, number = emptied(settings.folder / "work-cohort"), min(ROWS, settings.instances * 50)
    writers = {"csv": _write_csv, "xlsx": _write_workbook, "parquet": _write_parquet}
    for kind, write in writers.items():
        write(work / f"cohort.{kind}", number)
        (work / f"{kind}.yaml").write_text(
            f"adit: 1\nname: cohort-{kind}\nsource: {{dimse: PACS@127.0.0.1:104}}\n"
            f"destinations: [{{folder: out}}]\nselect: {{studies: {{cohort: {{file: cohort.{kind}}}}}}}\n"
            "pseudonyms: {from: column}\n"
        )
    openpyxl = [sys.executable, "-c", OPENPYXL, work / "cohort.xlsx"]
    names = {kind: f"adit check, .{kind}" for kind in writers}
    yield Row(
        f"check a cohort of {number:,} rows",
        (
            *(
                Contender(names[kind], lambda kind=kind: adit(work, "check", work / f"{kind}.yaml"))
                for kind in writers
            ),
            Contender(
                "openpyxl, which only reads the .xlsx",
                lambda: timed(openpyxl, work / "openpyxl.log"),
                rounds=1,
            ),
        ),
        (
            *(Target(LONGEST, of=name) for name in names.values()),
            *(Target(MOST_MEMORY, measure="memory", of=name) for name in names.values()),
        ),
    )

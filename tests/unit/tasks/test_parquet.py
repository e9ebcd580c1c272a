from __future__ import annotations

import sys
from datetime import date, datetime
from pathlib import Path
from typing import Protocol, cast

import pyarrow as pa
import pytest
from pyarrow import parquet

from adit_cli.errors import UsageError
from adit_cli.tasks.cohort import CohortRow, Table, read_cohort
from adit_cli.tasks.formats.record import LONGEST_CELL


class Writer(Protocol):
    """What we need of pyarrow's parquet, which says nothing of its types."""

    def write_table(self, table: object, path: Path, *, row_group_size: int) -> None:
        """Write a table."""
        ...


class Maker(Protocol):
    """What we need of pyarrow."""

    def table(self, columns: dict[str, list[object]]) -> object:
        """Return a table."""
        ...


def written(folder: Path, columns: dict[str, list[object]]) -> Table:
    path = folder / "c.parquet"
    table = cast("Maker", pa).table(columns)
    cast("Writer", parquet).write_table(table, path, row_group_size=2)
    return Table(path)


def test_a_parquet_file_is_read_as_text_across_its_row_groups(tmp_path: Path) -> None:
    table = written(
        tmp_path,
        {
            "PatientID": ["00471", None, "00815"],
            "AccessionNumber": [17.0, 18.0, None],
            "PatientBirthDate": [date(1961, 2, 3), None, None],
            "StudyDate": [datetime(2024, 1, 31, 10, 20), datetime(2024, 2, 1), None],  # noqa: DTZ001  as files have it
        },
    )

    assert read_cohort(table).rows == [
        CohortRow(
            1,
            patient_id="00471",
            accession_number="17",
            patient_birth_date="19610203",
            study_date="20240131",
        ),
        CohortRow(2, accession_number="18", study_date="20240201"),
        CohortRow(3, patient_id="00815"),
    ]


def test_numbers_of_different_lengths_are_told(tmp_path: Path) -> None:
    (warning,) = read_cohort(written(tmp_path, {"patient_id": [10815, 4711, 20000]})).warnings

    assert "1 of 3 numbers are shorter" in warning


def test_a_huge_cell_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"row 2: patient_id has more than"):
        read_cohort(written(tmp_path, {"patient_id": ["1", "x" * (LONGEST_CELL + 1)]}))


def test_a_file_that_is_cut_off_is_an_error(tmp_path: Path) -> None:
    table = written(tmp_path, {"patient_id": ["1"]})
    table.path.write_bytes(table.path.read_bytes()[:-20])

    with pytest.raises(UsageError, match="is no sound Parquet file"):
        read_cohort(table)


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = written(tmp_path, {"patient_id": ["1"]})
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(UsageError, match="needs pyarrow") as caught:
        read_cohort(table)
    assert "adit-cli[parquet]" in caught.value.hint

"""Columns that look as if they narrowed a cohort's rows, and do not, are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from adit_cli.tasks.cohort import Table, read_cohort


def told(folder: Path, header: str, **columns: str) -> list[str]:
    """Return which columns are named in the warnings of a table with one row."""
    path = folder / "cohort.csv"
    path.write_text(f"{header}\n{','.join('1' for _ in header.split(','))}\n", "utf-8")
    warnings = read_cohort(Table(path, columns)).warnings
    return [warning.partition("column ")[2].partition(" ")[0].rstrip(":") for warning in warnings]


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("PatientID,From,Until,arm", ["From", "Until"]),
        ("patient_id,Modalities", ["Modalities"]),
        ("patient_id,AccesionNumber", ["AccesionNumber"]),
        ("patient_id,SeriesDescription,series_number", ["SeriesDescription", "series_number"]),
        ("patient_id,DOB", ["DOB"]),
        ("patient_id,SeriesInstanceUID,SeriesDescription", []),
        ("patient_id,arm,center,PatientSex,StudyDescription,message,source,row,age", []),
    ],
)
def test_a_column_that_looks_as_if_it_narrowed_rows_is_told(
    tmp_path: Path, header: str, names: list[str]
) -> None:
    assert told(tmp_path, header) == names


def test_a_column_that_the_job_names_narrows(tmp_path: Path) -> None:
    assert told(tmp_path, "patient_id,AccesionNumber", accession_number="AccesionNumber") == []

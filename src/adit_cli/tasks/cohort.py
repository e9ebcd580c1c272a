"""Read a cohort: a table of what is wanted, one study or patient a row.

Everything that is wrong with it is said at once, by file, row and column, before anything is looked up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from adit_cli.tasks.cells import as_date, cell_problem
from adit_cli.tasks.strangers import strangers
from adit_cli.tasks.suspicions import Suspicions
from adit_cli.tasks.tables import Problems, Row, plain, read_table

_HEADERS = {
    "patient_id": ("patient_id", "PatientID"),
    "study_uid": ("study_uid", "StudyInstanceUID"),
    "accession_number": ("accession_number", "AccessionNumber"),
    "series_uid": ("series_uid", "SeriesInstanceUID"),
    "study_date": ("study_date", "StudyDate"),
    "modality": ("modality", "Modality", "ModalitiesInStudy"),
    "patient_name": ("patient_name", "PatientName"),
    "patient_birth_date": ("patient_birth_date", "PatientBirthDate"),
    "pseudonym": ("pseudonym",),
}
NAMES = {plain(header): name for name, headers in _HEADERS.items() for header in headers}
_DATES = ("study_date", "patient_birth_date")
_ALONE = ("patient_id", "study_uid", "accession_number")
_NAMED = {"patient_name", "patient_birth_date"}
_NEEDED = "needs a patient_id, study_uid or accession_number, or patient_name with patient_birth_date"


@dataclass(frozen=True, slots=True)
class CohortRow:
    """What one row asks for; empty is not given. Dates are written as DICOM's DA."""

    number: int
    """Counts the rows of all tables of a job, one table after the other; 0 is no row."""
    patient_id: str = ""
    study_uid: str = ""
    accession_number: str = ""
    series_uid: str = ""
    study_date: str = ""
    modality: str = ""
    patient_name: str = ""
    patient_birth_date: str = ""
    pseudonym: str = ""
    where: str = field(default="", compare=False)
    """How its owner finds it: `cohort.csv row 17`."""

    def asked(self) -> CohortRow:
        """Return what it asks of a source: other rows may ask the same."""
        return CohortRow(
            0,
            patient_id=self.patient_id,
            study_uid=self.study_uid,
            accession_number=self.accession_number,
            study_date=self.study_date,
            modality=self.modality,
            patient_name=self.patient_name,
            patient_birth_date=self.patient_birth_date,
        )


@dataclass(frozen=True, slots=True)
class CohortTable:
    """One cohort, read."""

    rows: list[CohortRow]
    warnings: tuple[str, ...] = ()
    """What a person should look at."""


@dataclass(frozen=True, slots=True)
class Table:
    """A cohort's file, and how it is read."""

    path: Path
    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    """Headers by our names for them."""
    sheet: str = ""

    def read(self, problems: Problems) -> Iterator[Row]:
        """Yield the rows."""
        return read_table(self.path, NAMES, self.columns, problems, self.sheet)


def read_cohort(table: Table, after: int = 0) -> CohortTable:
    """Return the rows that ask for something; UsageError with every problem of the file."""
    problems = Problems(table.path)
    read = scan_cohort(table, problems, after)
    problems.raise_any()
    return read


def scan_cohort(table: Table, problems: Problems, after: int = 0) -> CohortTable:
    """Return the rows, also those with a problem; their numbers follow on `after`."""
    suspicions = Suspicions()
    rows: list[CohortRow] = []
    odd: list[str] = []
    for row in table.read(problems):
        odd = odd if rows else list(strangers(row.header, NAMES))
        suspicions.see(row)
        rows.append(_cohort_row(row, table.path.name, after, problems))
    if not rows and not problems.count:
        problems.add(None, "holds no rows")
    warnings = tuple(f"{table.path}: {told}" for told in (*odd, *suspicions.told()))
    return CohortTable(rows, warnings)


def extra_columns(table: Table, after: int = 0) -> Iterator[tuple[int, str, dict[str, str]]]:
    """Yield the rows' numbers, where they are, and the columns that mean nothing to us, for the results."""
    for row in table.read(Problems(table.path)):
        yield row.number + after, f"{table.path.name} row {row.number}", row.extra


def _cohort_row(row: Row, file: str, after: int, problems: Problems) -> CohortRow:
    cells = {name: value for name, value in row.cells.items() if value}
    for name, fact in _facts(row, cells):
        problems.add(row.number, f"{row.where(name)} {fact}")
    for name in _DATES:
        if name in cells:
            cells[name] = as_date(cells[name]) or ""
    if not _identifies(row, cells):
        problems.add(row.number, _NEEDED)
    return CohortRow(row.number + after, **cells, where=f"{file} row {row.number}")


def _facts(row: Row, cells: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the cells that cannot be meant, and why."""
    for name in row.cells if row.record.faults else ():
        if fact := row.fault(name):
            yield name, fact
    for name, value in cells.items():
        if fact := cell_problem(name, value):
            yield name, fact


def _identifies(row: Row, cells: Mapping[str, str]) -> bool:
    if any(name in cells for name in _ALONE) or cells.keys() >= _NAMED:
        return True
    return any(row.fault(name) for name in row.cells)  # which is a problem of its own

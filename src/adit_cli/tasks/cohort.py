"""Read a cohort: a table of what is wanted, one study or patient a row.

Everything that is wrong with it is said at once, by file and row, before anything is looked up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

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
_UID = re.compile(r"[0-9]+(\.[0-9]+)*")
_UID_LIMIT = 64
_VALUE_LIMIT = 64
_FORMULA_ERROR = re.compile(r"#(N/A|REF!|VALUE!|NAME\?|DIV/0!|NULL!|NUM!|SPILL!|CALC!|####*)", re.IGNORECASE)
_SHORTENED = re.compile(r"\d([.,]\d+)?E\+\d+", re.IGNORECASE)
_ISO = re.compile(r"(?P<year>\d{4})[-./]?(?P<month>\d{2})[-./]?(?P<day>\d{2})(?:[T ]00:00(:00)?(\.0+)?)?")
_DAY_FIRST = re.compile(r"(?P<first>\d{1,2})(?P<mark>[./-])(?P<second>\d{1,2})(?P=mark)(?P<year>\d{4})")
_MONTHS = 12


@dataclass(frozen=True, slots=True)
class CohortRow:
    """What one row asks for; empty is not given. Dates are written as DICOM's DA."""

    number: int
    patient_id: str = ""
    study_uid: str = ""
    accession_number: str = ""
    series_uid: str = ""
    study_date: str = ""
    modality: str = ""
    patient_name: str = ""
    patient_birth_date: str = ""
    pseudonym: str = ""


def read_cohort(path: Path, columns: Mapping[str, str], pseudonym_column: str = "") -> list[CohortRow]:
    """Return the rows that ask for something; UsageError with every problem of the file.

    `columns` are headers by our names for them; `pseudonym_column` is the header that the job's pseudonyms
    come from, where it is not among them.
    """
    problems = Problems(path)
    if pseudonym_column:
        columns = {**columns, "pseudonym": pseudonym_column}
    rows = [_cohort_row(row, problems) for row in read_table(path, NAMES, columns, problems)]
    if not rows:
        problems.add(None, "holds no rows")
    problems.raise_any()
    return rows


def extra_columns(path: Path, columns: Mapping[str, str]) -> dict[int, Mapping[str, str]]:
    """Return the columns that mean nothing to us by row number, for the result table."""
    problems = Problems(path)
    return {row.number: row.extra for row in read_table(path, NAMES, columns, problems)}


def _cohort_row(row: Row, problems: Problems) -> CohortRow:
    cells = {name: value for name, value in row.cells.items() if value}
    for name, value in cells.items():
        fact = _problem(name, value)
        if fact:
            problems.add(row.number, f"{name} {fact}")
    for name in ("study_date", "patient_birth_date"):
        if name in cells:
            cells[name] = _date(cells[name]) or ""
    if not _identifies(cells):
        problems.add(
            row.number,
            "needs a patient_id, study_uid or accession_number, or patient_name with patient_birth_date",
        )
    return CohortRow(row.number, **cells)


def _identifies(cells: Mapping[str, str]) -> bool:
    alone = ("patient_id", "study_uid", "accession_number")
    return any(name in cells for name in alone) or {"patient_name", "patient_birth_date"} <= cells.keys()


def _problem(name: str, value: str) -> str:
    """Return what is wrong with a cell, in words that do not repeat it."""
    if _FORMULA_ERROR.fullmatch(value):
        return "holds a spreadsheet's error"
    if any(ord(character) < ord(" ") for character in value):
        return "holds a control character"
    return _CHECKS.get(name, text_problem)(value)


def text_problem(value: str) -> str:
    """Return what keeps a text from being an identifier of DICOM; empty where nothing does."""
    if len(value) > _VALUE_LIMIT:
        return f"is longer than the {_VALUE_LIMIT} characters that DICOM allows"
    if any(character in value for character in "*?\\"):
        return "holds a wildcard or a backslash; a cohort names single patients and studies"
    if _SHORTENED.fullmatch(value):
        return "is a number that a spreadsheet shortened; format the column as text"
    return ""


def _uid_problem(value: str) -> str:
    valid = len(value) <= _UID_LIMIT and _UID.fullmatch(value)
    return "" if valid else "is no DICOM UID: up to 64 digits and dots"


def _date_problem(value: str) -> str:
    if _date(value) is not None:
        return ""
    ambiguous = _DAY_FIRST.fullmatch(value) is not None
    return "may be read as two dates; write 2024-01-31" if ambiguous else "is no date; write 2024-01-31"


def _modality_problem(value: str) -> str:
    return "" if re.fullmatch(r"[A-Za-z0-9_ ,;/\\]{1,64}", value) else "is no modality such as CT"


_CHECKS: Mapping[str, Callable[[str], str]] = {
    "study_uid": _uid_problem,
    "series_uid": _uid_problem,
    "study_date": _date_problem,
    "patient_birth_date": _date_problem,
    "modality": _modality_problem,
    "pseudonym": text_problem,
}


def _date(value: str) -> str | None:
    """Return a date as DA; None where it is none, or may be read in two ways."""
    iso = _ISO.fullmatch(value)
    if iso is not None:
        return _valid(int(iso["year"]), int(iso["month"]), int(iso["day"]))
    written = _DAY_FIRST.fullmatch(value)
    if written is None:
        return None
    first, second, year = int(written["first"]), int(written["second"]), int(written["year"])
    if written["mark"] == "." or first == second or first > _MONTHS:
        return _valid(year, second, first)
    return _valid(year, first, second) if second > _MONTHS else None


def _valid(year: int, month: int, day: int) -> str | None:
    try:
        return f"{date(year, month, day):%Y%m%d}"
    except ValueError:
        return None

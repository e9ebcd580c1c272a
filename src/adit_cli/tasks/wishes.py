"""What a job asks for, before anybody is asked: rows of a cohort and UIDs, each question once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import partial

from adit_cli.dicom.matching import Match, as_match, values_of
from adit_cli.dicom.query import Attributes
from adit_cli.jobfile.job import Job
from adit_cli.tasks.cohort import CohortRow, Table, scan_cohort
from adit_cli.tasks.given import check_given
from adit_cli.tasks.tables import Mistakes, Problems

Identity = tuple[str, ...]


@dataclass(slots=True)
class Wish:
    """One question to the source, and the rows that ask it."""

    asked: CohortRow
    rows: list[CohortRow] = field(default_factory=list[CohortRow])

    def label(self, row: CohortRow | None = None) -> str:
        """Return how the user finds the question again: by a row of it, or its study UID."""
        return (row or self.rows[0]).where or f"study {self.asked.study_uid}"

    def keys(self) -> Attributes:
        """Return the matching keys of a study-level find; a UID says all, so that nothing else narrows it."""
        if self.asked.study_uid:
            return {"StudyInstanceUID": self.asked.study_uid}
        keys = {
            "PatientID": self.asked.patient_id,
            "AccessionNumber": self.asked.accession_number,
            "StudyDate": self.asked.study_date,
            "PatientBirthDate": self.asked.patient_birth_date,
            "PatientName": f"{_as_pn(self.asked.patient_name)}*" if self.asked.patient_name else "",
        }
        return {keyword: value for keyword, value in keys.items() if value}

    def contradictions(self, study: Attributes) -> list[str]:
        """Return what the rows say that the study does not hold, by the names of the columns."""
        told = {
            "patient_id": _equal(self.asked.patient_id, study.get("PatientID")),
            "accession_number": _equal(self.asked.accession_number, study.get("AccessionNumber")),
            "study_date": _equal(self.asked.study_date, study.get("StudyDate")),
            "patient_birth_date": _equal(self.asked.patient_birth_date, study.get("PatientBirthDate")),
            "patient_name": _named(self.asked.patient_name, study.get("PatientName")),
            "modality": _has(self.asked.modality, study.get("ModalitiesInStudy")),
        }
        return [name for name, match in told.items() if match is Match.NO]


@dataclass(slots=True)
class Wanted:
    """What a job's tables and UIDs ask for."""

    wishes: list[Wish]
    rows: int
    warnings: tuple[str, ...] = ()


def wanted_by(job: Job) -> Wanted:
    """Return a job's questions; UsageError with everything that is wrong with its tables."""
    wishes: dict[CohortRow, Wish] = {}
    studies = job.select.studies
    rows: list[CohortRow] = []
    warnings: list[str] = []
    mistakes = Mistakes()
    for table in tables_of(job):
        problems = Problems(table.path)
        read = mistakes.noted(partial(scan_cohort, table, problems, rows[-1].number if rows else 0))
        mistakes.noted(problems.raise_any)
        rows += read.rows if read else []
        warnings += read.warnings if read else ()
    warnings += mistakes.noted(partial(check_given, job.pseudonyms, rows)) or () if rows else ()
    mistakes.raise_any()
    for row in rows:
        asked = row.asked()
        wishes.setdefault(asked, Wish(asked)).rows.append(row)
    for uid in studies.uids:
        study, _, series = uid.partition("/")
        asked = CohortRow(0, study_uid=study)
        wishes.setdefault(asked, Wish(asked)).rows.append(replace(asked, series_uid=series))
    return Wanted(list(wishes.values()), len(rows) + len(studies.uids), tuple(warnings))


def tables_of(job: Job) -> list[Table]:
    """Return a job's cohorts, with the column that its pseudonyms come from."""
    pseudonyms = job.pseudonyms
    column = pseudonyms.column if pseudonyms and pseudonyms.source == "column" else None
    more = {"pseudonym": column} if column else {}
    return [
        Table(cohort.file, {**cohort.columns, **more}, cohort.sheet) for cohort in job.select.studies.cohort
    ]


def _equal(wanted: str, found: str | None) -> Match:
    if not wanted:
        return Match.YES
    return Match.UNKNOWN if found is None else as_match(matched=wanted == found.strip())


def _named(wanted: str, found: str | None) -> Match:
    """Return whether a person name begins with the components that were given (PS3.5 §6.2.1)."""
    if not wanted or found is None:
        return Match.YES if not wanted else Match.UNKNOWN
    given = _as_pn(wanted).casefold()
    groups = [group.strip().rstrip("^").casefold() for group in found.split("=")]
    return as_match(matched=any(group == given or group.startswith(f"{given}^") for group in groups))


def _as_pn(name: str) -> str:
    """Return a name as DICOM writes it; people write `Doe, Jane`."""
    return re.sub(r"\s*,\s*", "^", name).rstrip("^ ")


def _has(wanted: str, found: str | None) -> Match:
    if not wanted or found is None:
        return Match.YES if not wanted else Match.UNKNOWN
    modalities = {part.upper() for part in re.split(r"[\s,;/\\]+", wanted) if part}
    return as_match(matched=bool(modalities & {value.upper() for value in values_of(found)}))

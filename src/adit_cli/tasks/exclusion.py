"""Which studies a job leaves out although something selects them: by table, by UID, or delivered earlier."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeAlias

from adit_cli.dicom.query import Attributes
from adit_cli.errors import UsageError
from adit_cli.jobfile.job import Job
from adit_cli.tasks.cohort import CohortRow, Table, read_cohort
from adit_cli.tasks.places import Offer
from adit_cli.tasks.resolve import contradicted
from adit_cli.tasks.tables import Mistakes
from adit_cli.tasks.wishes import Wish

RULE = "select.studies.exclude"
_Key: TypeAlias = tuple[str, str]
_KEYWORDS = {
    "study_uid": "StudyInstanceUID",
    "accession_number": "AccessionNumber",
    "patient_id": "PatientID",
    "patient_birth_date": "PatientBirthDate",
}
"""What rows are looked up by, the most telling first."""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """What is left out; looking a study up costs the same however much that is."""

    uids: frozenset[str] = frozenset()
    delivered: frozenset[str] = frozenset()
    rows: dict[_Key, list[Wish]] = field(default_factory=dict[_Key, list[Wish]], repr=False)
    digest: str = ""
    """Tells this from any other exclusion; empty where nothing is left out."""

    def rule(self, offer: Offer) -> str:
        """Return what leaves a study out, as the user finds it in the job file; else nothing."""
        source, study, uid = offer.place.source, offer.study, offer.uid
        if uid in self.uids:
            return f"{RULE}.uids"
        if uid in self.delivered:
            return f"{RULE}.delivered_by"
        matching = (wish for wish in self._near(study) if not contradicted(source, wish, study))
        return f"{RULE}.cohort" if next(matching, None) else ""

    def _near(self, study: Attributes) -> Iterator[Wish]:
        """Yield the rows that may mean a study."""
        for name, keyword in _KEYWORDS.items() if self.rows else ():
            yield from self.rows.get((name, study.get(keyword, "").strip()), ())


def exclusion_of(job: Job, delivered: Collection[str] = ()) -> Exclusion:
    """Return what a job leaves out; UsageError with everything that is wrong with its tables."""
    spec = job.select.studies.exclude
    if spec is None:
        return Exclusion()
    rows: dict[_Key, list[Wish]] = {}
    mistakes = Mistakes()
    for cohort in spec.cohort:
        table = Table(cohort.file, {**cohort.columns}, cohort.sheet)
        for row in mistakes.noted(partial(_rows, table)) or ():
            rows.setdefault(_key(row), []).append(Wish(row))
    mistakes.raise_any()
    digest = _digest(
        [*spec.uids, *sorted(delivered), *(str(wish.asked) for one in rows.values() for wish in one)]
    )
    return Exclusion(frozenset(spec.uids), frozenset(delivered), rows, digest)


def _rows(table: Table) -> Iterator[CohortRow]:
    found = read_cohort(table).rows
    named = [row.where for row in found if row.series_uid]
    if named:
        raise UsageError(
            f"{named[0]} names a series, but only whole studies can be left out",
            hint="leave series out by `select.series.exclude`",
        )
    return (replace(row, pseudonym="", number=0) for row in found)


def _key(row: CohortRow) -> _Key:
    given = ((name, getattr(row, name)) for name in _KEYWORDS)
    return next((name, value) for name, value in given if value)


def _digest(texts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(f"{text}\0".encode())
    return digest.hexdigest()

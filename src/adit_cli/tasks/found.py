"""Gather the studies that a job's questions led to: each once, with the rows that asked for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from adit_cli.dicom.query import Attributes
from adit_cli.errors import Reason
from adit_cli.tasks.cohort import CohortRow
from adit_cli.tasks.places import Offer
from adit_cli.tasks.pseudonyms import Patient, Person
from adit_cli.tasks.task import Unresolved


@dataclass(slots=True)
class FoundStudy:
    """One study, as the source answered, and why it is taken."""

    offer: Offer
    label: str
    rows: list[CohortRow] = field(default_factory=list[CohortRow])
    whole: bool = False
    """Whether somebody asked for all of it; else only the series that rows name are taken."""

    @property
    def attributes(self) -> Attributes:
        """What the source told of it."""
        return self.offer.study

    @property
    def uid(self) -> str:
        """Study Instance UID."""
        return self.offer.uid

    @property
    def patient(self) -> Patient:
        """Whose study it is. Without an ID a study's patient is nobody else's: two could be two people."""
        issuer = self.attributes.get("IssuerOfPatientID", "").strip()
        return issuer, self.attributes.get("PatientID", "").strip() or f"study {self.uid}"

    @property
    def series_uids(self) -> tuple[str, ...]:
        """Series that the rows restrict it to; empty is all."""
        named = {row.series_uid for row in self.rows if row.series_uid}
        return () if self.whole else tuple(sorted(named))

    @property
    def row_numbers(self) -> tuple[int, ...]:
        """Rows of the cohort that asked for it."""
        return tuple(sorted({row.number for row in self.rows if row.number}))


class Found:
    """All studies of a plan by UID, and what stands against some."""

    def __init__(self) -> None:
        self._studies: dict[str, FoundStudy] = {}
        self._doubled: dict[str, str] = {}

    def __iter__(self) -> Iterator[FoundStudy]:
        return (study for uid, study in self._studies.items() if uid not in self._doubled)

    def add(self, offer: Offer, label: str, rows: Sequence[CohortRow]) -> None:
        """Note a study; one of another patient under the same UID rules out both."""
        known = self._studies.setdefault(offer.uid, FoundStudy(offer, label))
        same_place = known.offer.place.name == offer.place.name
        if same_place and _who(known.attributes) != _who(offer.study):
            self._doubled[offer.uid] = label
        known.rows += rows
        known.whole = known.whole or not rows or any(not row.series_uid for row in rows)

    def doubled(self) -> list[Unresolved]:
        """Return the UIDs under which the source has studies of several patients."""
        message = "the source has studies of several patients under this Study Instance UID"
        hint = "have the archive corrected; neither is moved"
        return [
            Unresolved(f"study {uid}", Reason.AMBIGUOUS, message, hint, row)
            for uid in self._doubled
            for row in (self._studies[uid].row_numbers or (None,))
        ]

    def people(self) -> list[Person]:
        """Return the patients of all studies, with what their rows say of them."""
        people: dict[Patient, Person] = {}
        for study in self:
            person = people.setdefault(study.patient, Person(study.patient, study.label))
            person.names |= {study.attributes.get("PatientName", "")} - {""}
            person.asked_as |= {row.patient_id for row in study.rows} - {""}
            person.given |= {row.pseudonym for row in study.rows} - {""}
        return list(people.values())


def _who(attributes: Attributes) -> tuple[str, str]:
    return attributes.get("PatientID", "").strip(), attributes.get("IssuerOfPatientID", "").strip()

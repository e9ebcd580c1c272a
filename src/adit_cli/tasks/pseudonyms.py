"""Give each patient of a plan a pseudonym, or say all that stands against it. No value is ever named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from adit_cli.counting import first_of
from adit_cli.deid.pseudonyms import keyed_pseudonym, random_pseudonym
from adit_cli.errors import UsageError
from adit_cli.jobfile.job import Pseudonyms
from adit_cli.tasks.cells import cell_problem
from adit_cli.tasks.cohort import NAMES
from adit_cli.tasks.tables import SHOWN, Problems, read_table

Patient = tuple[str, str]
"""Issuer of the ID, and the ID."""


@dataclass(slots=True)
class Person:
    """What is known of one patient when the pseudonym is chosen."""

    patient: Patient
    label: str
    """How the user finds the patient again without being named: a row or a study UID."""
    names: set[str] = field(default_factory=set[str])
    asked_as: set[str] = field(default_factory=set[str])
    """Patient IDs in the rows that led here; after a merge not the one that the source knows."""
    given: set[str] = field(default_factory=set[str])
    """Pseudonyms in the rows that led here."""


def read_map(path: Path) -> dict[str, str]:
    """Return pseudonyms by patient ID; UsageError with every problem of the file."""
    problems = Problems(path)
    found: dict[str, str] = {}
    holders: dict[str, int] = {}
    for row in read_table(path, NAMES, {}, problems):
        patient_id, pseudonym = row.cells.get("patient_id", ""), row.cells.get("pseudonym", "")
        fact = "; ".join(filter(None, map(row.fault, row.cells))) or _map_problem(patient_id, pseudonym)
        if fact:
            problems.add(row.number, fact)
        elif patient_id in found:
            problems.add(row.number, "is a second row for the same patient")
        elif pseudonym in holders:
            problems.add(row.number, f"has the pseudonym of row {holders[pseudonym]}")
        found.setdefault(patient_id, pseudonym)
        holders.setdefault(pseudonym, row.number)
    if not found:
        problems.add(None, "holds no rows; it needs the columns patient_id and pseudonym")
    problems.raise_any()
    return found


def _map_problem(patient_id: str, pseudonym: str) -> str:
    if not patient_id:
        return "has no patient_id"
    if not pseudonym:
        return "has no pseudonym"
    if fact := cell_problem("patient_id", patient_id):
        return f"has a patient_id that {fact}"
    if tells_of(pseudonym, (patient_id,)):
        return "has the patient's own ID as pseudonym"
    return f"has a pseudonym that {fact}" if (fact := cell_problem("pseudonym", pseudonym)) else ""


def tells_of(pseudonym: str, own: Iterable[str]) -> bool:
    """Return whether a pseudonym is one of a patient's own IDs or names, however it is written."""
    return _letters(pseudonym) in {letters for letters in map(_letters, own) if letters}


def _letters(value: str) -> str:
    return (value if value.isalnum() else "".join(filter(str.isalnum, value))).casefold()


class Namer:
    """Gives the patients of a job their pseudonyms, some at a time; remembers who holds which."""

    def __init__(self, spec: Pseudonyms, key: bytes, already: Mapping[Patient, str]) -> None:
        self._spec = spec
        self._key = key
        self._already = already
        self._map = read_map(spec.file) if spec.source == "map" and spec.file is not None else {}
        self._chosen: dict[Patient, str] = {}
        self._holders: dict[str, tuple[Patient, str]] = {}
        self._drawn = set(already.values()) if spec.source == "random" else set[str]()
        self._problems: list[str] = []

    def assign(self, people: Iterable[Person]) -> dict[Patient, str]:
        """Return these patients' pseudonyms; UsageError with every missing, doubled or telling one.

        Random ones that the job drew before, in an earlier run or for an earlier call, stay.
        """
        chosen = {person.patient: self._choose(person) for person in people}
        if self._problems:
            raise UsageError(
                "\n".join(first_of(self._problems, SHOWN)),
                hint="nothing was moved; correct the pseudonyms and run again",
            )
        return chosen

    def _choose(self, person: Person) -> str:
        """Return the pseudonym; what stands against it is remembered."""
        candidates = self._candidates(person)
        if len(candidates) > 1:
            self._problems.append(f"{person.label}: two pseudonyms for one patient")
        pseudonym = min(candidates, default="") or self._without(person)
        if pseudonym:
            self._check(person, pseudonym)
            self._chosen[person.patient] = pseudonym
        return pseudonym

    def _candidates(self, person: Person) -> set[str]:
        if self._spec.source == "column":
            return person.given
        if self._spec.source == "map":
            own = self._map.get(person.patient[1])
            asked = {self._map[one] for one in person.asked_as if one in self._map}
            return asked | {own} if own else asked
        return set()

    def _without(self, person: Person) -> str:
        """Return what a patient gets whom no table names."""
        if self._spec.source == "random":
            known = self._already.get(person.patient) or self._chosen.get(person.patient)
            return known or self._draw()
        if self._spec.source == "key" or self._spec.missing == "key":
            return keyed_pseudonym(self._key, *person.patient, self._spec.prefix, self._spec.length)
        self._problems.append(f"{person.label}: the patient has no pseudonym")
        return ""

    def _draw(self) -> str:
        while (pseudonym := random_pseudonym(self._spec.prefix, self._spec.length)) in self._drawn:
            pass
        self._drawn.add(pseudonym)
        return pseudonym

    def _check(self, person: Person, pseudonym: str) -> None:
        holder, label = self._holders.setdefault(pseudonym, (person.patient, person.label))
        if holder != person.patient:
            self._problems.append(f"{label} and {person.label}: one pseudonym for two patients")
        if tells_of(pseudonym, (person.patient[1], *person.asked_as, *person.names)):
            self._problems.append(f"{person.label}: the pseudonym is the patient's own ID or name")

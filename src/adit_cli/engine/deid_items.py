"""What `adit deid` knows of its files before it changes any: whose they are, and what no path may hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from adit_cli.dicom.attributes import read_attributes
from adit_cli.engine.deid_sources import Found, LeftOut
from adit_cli.errors import DataError, Reason
from adit_cli.tasks.pseudonyms import Patient, Person

IDENTITY = ("PatientID", "IssuerOfPatientID", "PatientName", "StudyInstanceUID", "Modality")


@dataclass(frozen=True, slots=True)
class Item:
    """A file, what its patient is called from now on, and what no path may hold."""

    found: Found
    pseudonym: str
    original: Mapping[str, str] = field(repr=False)
    modalities: tuple[str, ...]


def look_at(
    found: Iterable[Found | LeftOut], keywords: Iterable[str]
) -> tuple[dict[Found, dict[str, str]], list[LeftOut]]:
    """Return what each readable file says, and the files that cannot be read."""
    known: dict[Found, dict[str, str]] = {}
    left_out: list[LeftOut] = []
    for one in found:
        if isinstance(one, LeftOut):
            left_out.append(one)
            continue
        try:
            known[one] = read_attributes(one.path, keywords)
        except DataError as error:
            left_out.append(LeftOut(one.shown, error.reason, error.message))
        except OSError as error:
            left_out.append(LeftOut(one.shown, Reason.REJECTED, f"cannot be read: {error.strerror}"))
    return known, left_out


def items_of(known: Mapping[Found, Mapping[str, str]], pseudonyms: Mapping[Patient, str]) -> list[Item]:
    """Return the files with what their patients are called from now on."""
    modalities: dict[str, set[str]] = {}
    for values in known.values():
        of_study = modalities.setdefault(values.get("StudyInstanceUID", ""), set())
        of_study.add(re.sub(r"\W", "", values.get("Modality", ""), flags=re.ASCII)[:16])
    return [
        Item(
            one,
            pseudonyms[patient_of(values)],
            values,
            tuple(sorted(modalities[values.get("StudyInstanceUID", "")])),
        )
        for one, values in known.items()
    ]


def patient_of(values: Mapping[str, str]) -> Patient:
    """Return whose a file is; without an ID, each study is somebody's of its own."""
    issuer, patient_id = values.get("IssuerOfPatientID", "").strip(), values.get("PatientID", "").strip()
    return issuer, patient_id or f"study {values.get('StudyInstanceUID', '')}"


def people_of(known: Mapping[Found, Mapping[str, str]]) -> list[Person]:
    """Return the patients, each with all names that their files give them."""
    people: dict[Patient, Person] = {}
    for one, values in known.items():
        person = people.setdefault(patient_of(values), Person(patient_of(values), one.shown))
        person.names |= {values.get("PatientName", "")} - {""}
    return list(people.values())

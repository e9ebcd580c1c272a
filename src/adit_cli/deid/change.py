"""Change one data set: who it is about, what is done with it, and what it says of that."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from adit_cli.deid.context import OLDEST_AGE, Context
from adit_cli.deid.dates import shift_of, year_of
from adit_cli.deid.profile import Profile
from adit_cli.deid.pseudonyms import patient_identity
from adit_cli.deid.stamps import stamp
from adit_cli.deid.walk import Observer, Walk
from adit_cli.dicom.elements import Element, Elements, Encoding

STUDY_DATE, PATIENT_ID, ISSUER, STUDY_UID = 0x00080020, 0x00100020, 0x00100021, 0x0020000D


@dataclass(frozen=True, slots=True)
class Change:
    """A data set after its de-identification."""

    elements: Elements
    originals: list[Element]
    actions: Counter[tuple[int, str]]


def change_data_set(
    elements: Elements,
    profile: Profile,
    pseudonym: str,
    *,
    sop_class: str,
    encoding: Encoding,
    observer: Observer | None = None,
) -> Change:
    """Return the data set as the profile leaves it; the given one stays as it is."""
    context = context_of(elements, profile, pseudonym, encoding)
    walk = Walk(profile, context, observer)
    left = walk.data_set(elements, sop_class)
    stamp(left, elements, profile.stamps)
    return Change(left, walk.originals, context.actions)


def context_of(elements: Elements, profile: Profile, pseudonym: str, encoding: Encoding) -> Context:
    """Return what the rules need to know of this patient."""
    dates = profile.spec.dates
    patient = patient_identity(text_of(elements, ISSUER), text_of(elements, PATIENT_ID))
    if not patient.strip(b"\0"):
        patient = text_of(elements, STUDY_UID).encode()
    days = shift_of(profile.keys.date, patient, dates.shift_days, keep_weekday=dates.keep_weekday)
    year = year_of(text_of(elements, STUDY_DATE).encode()) or 0
    return Context(profile.keys, pseudonym, encoding, days, year - OLDEST_AGE - 1)


def text_of(elements: Elements, tag: int) -> str:
    """Return the value of a short text or UID element, empty where there is none."""
    element = elements.get(tag)
    return element.value.decode("latin_1").strip(" \0") if element else ""

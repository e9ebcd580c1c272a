"""The sources of a job, in the order in which they are tried, and who has a study whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from adit_cli.dicom.query import Attributes
from adit_cli.nodes.base import Source
from adit_cli.tasks.series import instances_in, list_series
from adit_cli.tasks.windows import Cap

OFF = frozenset({"OFFLINE", "UNAVAILABLE"})
"""Instance Availability (PS3.3 §C.4.23.1.1) of what needs a person before it can be fetched."""


@dataclass(frozen=True, slots=True)
class Place:
    """One source by name, and how much it answers at once."""

    name: str
    source: Source
    cap: Cap = field(default_factory=Cap)


@dataclass(frozen=True, slots=True)
class Offer:
    """A study as one source answered it."""

    place: Place
    study: Attributes

    @property
    def uid(self) -> str:
        """Study Instance UID."""
        return self.study["StudyInstanceUID"]

    @property
    def is_off(self) -> bool:
        """Whether it cannot be fetched before somebody brings it back."""
        return self.study.get("InstanceAvailability", "").strip().upper() in OFF


def first_whole(offers: Sequence[Offer]) -> Offer:
    """Return the first offer that has all of the study, as far as all of them tell; rather one at hand."""
    if len(offers) == 1:
        return offers[0]
    counts = [_instances(offer) for offer in offers]
    whole = [offer for offer, count in zip(offers, counts, strict=True) if count >= max(counts)]
    return next((offer for offer in whole if not offer.is_off), whole[0])


def _instances(offer: Offer) -> int:
    """Return how many instances a source has of a study, from as deep as it takes to know."""
    said = offer.study.get("NumberOfStudyRelatedInstances", "").strip()
    if said.isdecimal():
        return int(said)
    source, uid = offer.place.source, offer.uid
    return sum(instances_in(source, uid, series) for series in list_series(source, uid))

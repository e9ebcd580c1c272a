"""Whether a source has a study at hand (Instance Availability, PS3.3 §C.4.23.1.1)."""

from __future__ import annotations

from enum import StrEnum

from adit_cli.dicom.query import Level
from adit_cli.errors import NodeError
from adit_cli.nodes.base import Source


class Away(StrEnum):
    """Where a study is that does not come at once; the value is the standard's."""

    NEARLINE = "NEARLINE"
    OFFLINE = "OFFLINE"
    UNAVAILABLE = "UNAVAILABLE"

    @property
    def words(self) -> str:
        """What it means, for whoever waits."""
        return _WORDS[self]


_WORDS = {
    Away.NEARLINE: "on slower storage (NEARLINE), from which the archive brings it back itself",
    Away.OFFLINE: "on storage that a person must fetch (OFFLINE)",
    Away.UNAVAILABLE: "not there any more (UNAVAILABLE)",
}


def away_of(text: str) -> Away | None:
    """Return what an archive answered, unless the study is at hand or nothing is said."""
    said = text.strip().upper()
    return Away(said) if said in _WORDS else None


def where_is(source: Source, study_uid: str) -> Away | None:
    """Ask where a study is that did not come; an archive that cannot say has it at hand."""
    keys = {"StudyInstanceUID": study_uid, "InstanceAvailability": ""}
    try:
        found = source.find(Level.STUDY, keys)
    except NodeError:
        return None
    said = [one.get("InstanceAvailability", "") for one in found if one.get("StudyInstanceUID") == study_uid]
    return next((away for text in said if (away := away_of(text))), None)

"""The words of Query/Retrieve (PS3.4 C.3): levels, and what a node answered."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

Attributes: TypeAlias = dict[str, str]
"""What a node said of one patient, study, series or instance, by DICOM keyword.

An absent keyword is *unknown* (the node did not return it), an empty string is *known to be empty*.
Several values are joined by a backslash, as on the wire. A tag without keyword is `ggggeeee` in hex.
"""


class Level(StrEnum):
    """Query/Retrieve level; the value is that of (0008,0052)."""

    PATIENT = "PATIENT"
    STUDY = "STUDY"
    SERIES = "SERIES"
    IMAGE = "IMAGE"


BELOW_STUDY = frozenset(
    (
        "BodyPartExamined",
        "DeviceSerialNumber",
        "FrameOfReferenceUID",
        "InstitutionAddress",
        "InstitutionalDepartmentName",
        "Laterality",
        "Manufacturer",
        "ManufacturerModelName",
        "Modality",
        "NumberOfSeriesRelatedInstances",
        "OperatorsName",
        "PatientPosition",
        "PerformedProcedureStepDescription",
        "PerformedProcedureStepID",
        "PerformedProcedureStepStartDate",
        "PerformedProcedureStepStartTime",
        "PerformingPhysicianName",
        "ProtocolName",
        "SeriesDate",
        "SeriesDescription",
        "SeriesInstanceUID",
        "SeriesNumber",
        "SeriesTime",
        "SoftwareVersions",
        "StationName",
    )
)
"""What a series holds and a study does not (PS3.3 §C.7.3.1, §C.7.5.1).

Asked of a study, archives answer with the value of some series, with nothing, or with no study at all.
"""
_NEVER_EMPTY = {
    Level.STUDY: (
        "ModalitiesInStudy",
        "InstitutionName",
        "NumberOfStudyRelatedSeries",
        "NumberOfStudyRelatedInstances",
    ),
    Level.SERIES: ("Modality", "NumberOfSeriesRelatedInstances"),
}


def without_blanks(level: Level, answer: Attributes) -> Attributes:
    """Return an answer without what says, where it is empty, only that the node does not know."""
    blank = [keyword for keyword in _NEVER_EMPTY.get(level, ()) if not answer.get(keyword, "-").strip()]
    return {keyword: value for keyword, value in answer.items() if keyword not in blank} if blank else answer

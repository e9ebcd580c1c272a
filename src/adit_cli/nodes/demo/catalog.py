"""What the demo PACS holds, and how it answers a query by the matching of PS3.4 §C.2.2.2."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from pydicom import dcmread  # pyright: ignore[reportUnknownVariableType]  # pydicom's types are partial
from pydicom.dataset import Dataset

UNIQUE_KEYS = {
    "PATIENT": "PatientID",
    "STUDY": "StudyInstanceUID",
    "SERIES": "SeriesInstanceUID",
    "IMAGE": "SOPInstanceUID",
}
_RANGES = {"DA", "TM", "DT"}
_NOT_MATCHED = {"QueryRetrieveLevel", "SpecificCharacterSet"}


def read(path: Path, *, pixels: bool = True) -> Dataset:
    """Return a Part-10 file as a dataset."""
    return dcmread(path, stop_before_pixels=not pixels)


class Catalog:
    """Headers by SOP Instance UID; several associations ask at once."""

    def __init__(self) -> None:
        self._headers: dict[str, tuple[Dataset, Path]] = {}
        self._lock = threading.Lock()

    def add(self, path: Path) -> None:
        """Take up one Part-10 file."""
        header = read(path, pixels=False)
        with self._lock:
            self._headers[str(header.SOPInstanceUID)] = (header, path)

    def paths(self, identifier: Dataset) -> list[Path]:
        """Return the files that a C-GET or C-MOVE identifier names."""
        return [
            path for header, path in self._all() if _matches(header, identifier, set(UNIQUE_KEYS.values()))
        ]

    def find(self, identifier: Dataset) -> Iterator[Dataset]:
        """Return one answer for each patient, study, series or image that matches."""
        level = str(identifier.QueryRetrieveLevel)
        groups: dict[str, list[Dataset]] = {}
        for header, _ in self._all():
            groups.setdefault(str(header.get(UNIQUE_KEYS[level], "")), []).append(header)
        for members in groups.values():
            entity = _entity(members)
            if _matches(entity, identifier):
                yield _answer(entity, identifier)

    def _all(self) -> list[tuple[Dataset, Path]]:
        with self._lock:
            return list(self._headers.values())


def _entity(members: list[Dataset]) -> Dataset:
    """Return the first member's header with what is counted over all of them (PS3.4 §C.3.4)."""
    entity = Dataset()
    entity.update(members[0])
    entity.ModalitiesInStudy = sorted({str(one.Modality) for one in members})
    entity.SOPClassesInStudy = sorted({str(one.SOPClassUID) for one in members})
    studies = {str(one.StudyInstanceUID) for one in members}
    series = {str(one.SeriesInstanceUID) for one in members}
    entity.NumberOfPatientRelatedStudies = len(studies)
    entity.NumberOfPatientRelatedSeries = entity.NumberOfStudyRelatedSeries = len(series)
    entity.NumberOfPatientRelatedInstances = entity.NumberOfStudyRelatedInstances = len(members)
    entity.NumberOfSeriesRelatedInstances = len(members)
    return entity


def _answer(entity: Dataset, identifier: Dataset) -> Dataset:
    answer = Dataset()
    answer.SpecificCharacterSet = "ISO_IR 192"
    for asked in identifier:
        if asked.tag in entity:
            answer.add(entity[asked.tag])
        elif asked.keyword not in _NOT_MATCHED:
            answer.add_new(asked.tag, asked.VR, [] if asked.VR == "SQ" else "")
    answer.QueryRetrieveLevel = identifier.QueryRetrieveLevel
    answer.InstanceAvailability = "ONLINE"
    return answer


def _matches(entity: Dataset, identifier: Dataset, only: set[str] | None = None) -> bool:
    return all(
        _element_matches(entity, asked.keyword, asked.VR, _values(asked.value))
        for asked in identifier
        if asked.VR != "SQ" and asked.keyword not in _NOT_MATCHED and (only is None or asked.keyword in only)
    )


def _element_matches(entity: Dataset, keyword: str, vr: str, wanted: list[str]) -> bool:
    if not any(wanted):
        return True
    held = _values(entity.get(keyword))
    return any(_value_matches(pattern, value, vr) for pattern in wanted for value in held)


def _value_matches(pattern: str, value: str, vr: str) -> bool:
    if vr in _RANGES and "-" in pattern:
        start, _, end = pattern.partition("-")
        return (not start or start <= value) and (not end or value[: len(end)] <= end)
    if vr == "PN":
        return fnmatchcase(value.casefold().partition("=")[0], pattern.casefold())
    return fnmatchcase(value, pattern.replace("[", "[[]"))


def _values(value: object) -> list[str]:
    if value is None:
        return []
    if isinstance(value, (list, tuple)) or type(value).__name__ == "MultiValue":
        return [str(one) for one in value]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType, reportGeneralTypeIssues]  # pydicom's values are untyped
    return [str(value)]

"""List what a study should consist of, before it is fetched: what arrives is compared with this."""

from __future__ import annotations

from dataclasses import dataclass

from adit_cli.dicom.query import Attributes, Level
from adit_cli.errors import NodeError
from adit_cli.nodes.base import InstanceRef, Relational, Source
from adit_cli.tasks.series import LeftOut, SeriesChoice, count_of

_CLASSES = "SOPClassesInStudy"
_MANY = 32
"""Instances from which on it pays to ask the study for its SOP classes: Orthanc takes three times as long
for an instance whose class is asked for."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The instances of the series that are taken."""

    series_uids: tuple[str, ...]
    refs: tuple[InstanceRef, ...]
    short: dict[str, int]
    """Series of which the source counts so many instances and does not list them all."""
    restricted: bool
    """Whether the study has series that are not taken."""
    left_out: tuple[LeftOut, ...] = ()
    """Series that a rule keeps out, and which one."""

    @property
    def is_blind(self) -> bool:
        """Whether there may be a series of which the source tells neither the instances nor their number."""
        return not all(self.short.values())


def list_instances(source: Source, study_uid: str, choice: SeriesChoice, *, restricted: bool) -> Listing:
    """Return the instances of the chosen series; series by series, as archives insist (PS3.4 §C.4.1.3.1).

    A relational one is asked for all of them at once, and again for a series it did not list whole.
    """
    refs: dict[str, InstanceRef] = {}
    short: dict[str, int] = {}
    sop_class = _only_class(source, study_uid) if (choice.instances or 0) > _MANY else ""
    whole = _list_study(source, study_uid, sop_class) if len(choice.taken) > 1 else {}
    for series in choice.taken:
        counted = count_of(series) or 0
        listed = whole.get(series["SeriesInstanceUID"], [])
        if counted > len(listed) or not listed:
            listed = _list_series(source, study_uid, series["SeriesInstanceUID"], sop_class)
        refs |= {ref.uid: ref for ref in listed}
        if counted > len(listed) or not listed:
            short[series["SeriesInstanceUID"]] = counted
    return Listing(choice.uids, tuple(refs.values()), short, restricted, choice.left_out)


def _only_class(source: Source, study_uid: str) -> str:
    """Return the SOP class that the source gives for the whole study (PS3.4 §C.6.2.1.2); mostly one."""
    try:
        found = source.find(Level.STUDY, {"StudyInstanceUID": study_uid, _CLASSES: ""})
    except NodeError as error:
        if error.transient:
            raise
        return ""  # an archive that refuses the question is asked for each instance
    classes = {one.get(_CLASSES, "") for one in found if one.get("StudyInstanceUID", study_uid) == study_uid}
    said = classes.pop() if len(classes) == 1 else ""
    return "" if "\\" in said else said


def _list_study(source: Source, study_uid: str, sop_class: str) -> dict[str, list[InstanceRef]]:
    """Return the instances by series that one question to a relational source brings."""
    if not (isinstance(source, Relational) and source.is_relational()):
        return {}
    series: dict[str, list[InstanceRef]] = {}
    for ref in _list_series(source, study_uid, "", sop_class):
        series.setdefault(ref.series_uid, []).append(ref)
    return series


def _list_series(source: Source, study_uid: str, series_uid: str, sop_class: str) -> list[InstanceRef]:
    keys = {"StudyInstanceUID": study_uid, "SeriesInstanceUID": series_uid, "SOPInstanceUID": ""}
    keys |= {} if sop_class else {"SOPClassUID": ""}
    try:
        found = source.find(Level.IMAGE, keys)
    except NodeError as error:
        if error.transient:
            raise
        return []  # an archive without image-level find: its counts are all there is
    return [
        InstanceRef(
            study_uid,
            one.get("SeriesInstanceUID", series_uid),
            one["SOPInstanceUID"],
            one.get("SOPClassUID", sop_class),
        )
        for one in found
        if one.get("SOPInstanceUID") and _belongs(one, study_uid, series_uid)
    ]


def _belongs(found: Attributes, study_uid: str, series_uid: str) -> bool:
    return found.get("StudyInstanceUID", study_uid) == study_uid and series_uid in {
        "",
        found.get("SeriesInstanceUID", series_uid),
    }

"""The header of one instance: told by the node, or read from the file after that alone was fetched."""

from __future__ import annotations

import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path

from adit_cli.deid.parts import read_parts
from adit_cli.dicom.json_model import JsonDataset, as_json
from adit_cli.dicom.patterns import TextRule
from adit_cli.dicom.query import Attributes, Level
from adit_cli.errors import NodeError, Reason
from adit_cli.nodes.base import Arrival, Describing, InstanceRef, RetrieveRequest, Source
from adit_cli.tasks.lookup import Lookup, look_up
from adit_cli.tasks.steps import UNIQUE_KEYS

logger = logging.getLogger(__name__)
_NOT_TOLD = frozenset((Reason.NO_CONTEXT, Reason.NOT_FOUND, Reason.REFUSED))


@dataclass(frozen=True, slots=True)
class Place:
    """What is known of where an instance is: its own UID, or that of a series or study it is the first of."""

    uid: str
    study_uid: str = ""
    series_uid: str = ""


def header_of(source: Source, place: Place) -> JsonDataset:
    """Return one instance's header; NodeError where the node does not have or not find it."""
    instance = find_instance(source, place)
    if isinstance(source, Describing):
        try:
            return source.describe(instance)
        except NodeError as error:
            if error.reason not in _NOT_TOLD:
                raise
            logger.info("%s The instance is fetched", error.message)
    return _fetched(source, instance)


def header_of_file(path: Path) -> JsonDataset:
    """Return the header of a Part-10 file; DataError where it is none."""
    parts = read_parts(path)
    return as_json(parts.elements, parts.encoding)


def find_instance(source: Source, place: Place) -> InstanceRef:
    """Return the instance; of a series or study that is named, the first one."""
    levels = (Level.IMAGE,) if place.series_uid else (Level.STUDY, Level.SERIES, Level.IMAGE)
    for level in levels:
        if found := _first_below(source, level, place):
            return InstanceRef(
                found["StudyInstanceUID"],
                found["SeriesInstanceUID"],
                found["SOPInstanceUID"],
                found.get("SOPClassUID", ""),
            )
    hint = "check the UID"
    if not place.series_uid:
        hint += "; some archives find instances only below --study-uid UID --series-uid UID"
    raise NodeError(
        f"the node finds no study, series or instance {place.uid}", hint=hint, reason=Reason.NOT_FOUND
    )


def _first_below(source: Source, level: Level, place: Place) -> Attributes | None:
    """Return the first instance if the UID is one of this level; an archive may refuse such a question."""
    above = {"StudyInstanceUID": place.study_uid, "SeriesInstanceUID": place.series_uid}
    uids = {name: uid for name, uid in above.items() if uid} | {UNIQUE_KEYS[level]: place.uid}
    rules = {keyword: TextRule((uid,)) for keyword, uid in uids.items()}
    try:
        found = look_up(source, Lookup(level, rules), 1)
        if found and level is not Level.IMAGE:
            below = {name: TextRule((found[0][name],)) for name in above if found[0].get(name)}
            found = look_up(source, Lookup(Level.IMAGE, below, ("SOPClassUID",)), 1)
    except NodeError as error:
        if error.transient or level is Level.STUDY:
            raise
        logger.info("%s", error.message)
        return None
    keys = [UNIQUE_KEYS[one] for one in (Level.STUDY, Level.SERIES, Level.IMAGE)]
    return next((one for one in found if all(one.get(key) for key in keys)), None)


def _fetched(source: Source, instance: InstanceRef) -> JsonDataset:
    arrived: list[Arrival] = []
    with tempfile.TemporaryDirectory(prefix="adit-") as folder:
        request = RetrieveRequest(instance.study_uid, (instance.series_uid,), (instance,), partial=True)
        failed = source.retrieve(request, Path(folder), arrived.append)
        for arrival in arrived:
            if arrival.uid == instance.uid:
                return header_of_file(arrival.path)
    why = failed[0].message if failed else "it sent something else"
    raise NodeError(f"instance {instance.uid} did not come: {why}", reason=Reason.INCOMPLETE)

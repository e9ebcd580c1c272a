"""Folders of DICOM files as sources and destinations. What lies in them is never changed or written over."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from adit_cli.counting import count
from adit_cli.dicom.query import Attributes, Level
from adit_cli.dicom.whole import read_whole
from adit_cli.errors import DataError, NodeError, Reason
from adit_cli.nodes.answers import answer
from adit_cli.nodes.base import Arrival, Delivery, FailedInstance, OnArrival, RetrieveRequest, Unread
from adit_cli.nodes.index import indexed
from adit_cli.nodes.layout import Layout, safe_name
from adit_cli.nodes.measure import UNLOCKING
from adit_cli.nodes.nested import Opening
from adit_cli.nodes.scan import PLAIN, FoundInstance, FoundSeries, Scan, scan
from adit_cli.nodes.staging import Filing, StagedDelivery, Waiting
from adit_cli.nodes.storage import link_or_copy, room_at, same_content, storage_errors
from adit_cli.nodes.unpacking import Unpacking

logger = logging.getLogger(__name__)

ABSENT = "a DICOMDIR names it, and its file is not there or cannot be read"
NAMED = 10
"""How many files a note names before it only counts."""
_MENDING = "see what is wrong with it, and copy it anew from where it came or take it out of the folder"
_REACHING = "see who owns it and who may read it"
_DEEPER = "unpack the outer ones"


class FolderSource:
    """A `Source` over all DICOM files below a folder; it is read once, when it is first asked.

    With a folder for indexes it is read once by all processes that share it.
    """

    def __init__(self, name: str, root: Path, *, index: Path | None = None, opening: Opening = PLAIN) -> None:
        self._name = name
        self._root = root
        self._opening = opening
        self._index = index
        self._scan: Scan | None = None

    def find(self, level: Level, keys: Mapping[str, str]) -> list[Attributes]:
        """Return what the folder holds at this level."""
        with storage_errors(self._name):
            return answer(self._scanned(), level, keys, self._opening)

    def retrieve(self, request: RetrieveRequest, spool: Path, arrived: OnArrival) -> list[FailedInstance]:
        """Link or copy the study's files into the spool; one that cannot be is named."""
        found = self._scanned()
        failed: list[FailedInstance] = []
        packed: list[FoundInstance] = []
        for instance in _wanted(found, request):
            if any(place.absent for place in instance.places):
                failed.append(FailedInstance(instance.uid, Reason.INCOMPLETE, ABSENT))
                continue
            if any(place.inside for place in instance.places):
                packed.append(instance)
                continue
            problem = self._fetch(instance, spool / f"{safe_name(instance.uid)}.dcm", arrived)
            failed += [problem] if problem else []
        with storage_errors(self._name), room_at(str(spool)):
            for taken in Unpacking(spool, packed, replace(self._opening, aside=spool)).run():
                problem = taken if isinstance(taken, FailedInstance) else _announce(*taken, arrived)
                failed += [problem] if problem else []
        return failed

    def notes(self) -> list[str]:
        """Return what a person should know of the folder: files left aside, and those that are broken."""
        found = self._scanned()
        said = [f"skipped {count(found.skipped, 'file')} without a DICOM image"] if found.skipped else []
        for what, noun, more, files in (
            ("did not open", "archive", f" in too many others; {_DEEPER}", found.nested),
            ("could not open", "encrypted archive", f"; {UNLOCKING}", found.locked),
            ("could not look into", "folder", "", found.closed),
            ("did not find", "file", " that a DICOMDIR names", found.missing),
            ("could not read", "file", "", found.broken),
        ):
            said += [f"{what} {count(len(files), noun)}{more}: {_named(files)}"] if files else []
        return [f"{self._name}: {one}" for one in said]

    def unread(self) -> list[Unread]:
        """Return what may hold images that are not found: archives, folders and files."""
        found = self._scanned()
        return [
            Unread(one, hint)
            for hint, files in (
                (UNLOCKING, found.locked),
                (_DEEPER, found.nested),
                (_REACHING, found.closed),
                (_MENDING, (*found.missing, *found.broken)),
            )
            for one in files
        ]

    def close(self) -> None:
        """Forget what was read."""
        self._scan = None

    def _scanned(self) -> Scan:
        if self._scan is None:
            with storage_errors(self._name):
                self._scan = indexed(
                    self._root, self._index, partial(scan, opening=self._opening), self._name
                )
            if self._scan.locked and not self._scan.studies:
                locked = _named(self._scan.locked)
                raise NodeError(f"{self._name}: nothing can be read: {locked}", hint=UNLOCKING)
            logger.info("%s: %d studies found", self._name, len(self._scan.studies))
        return self._scan

    def _fetch(self, instance: FoundInstance, target: Path, arrived: OnArrival) -> FailedInstance | None:
        source, *others = (place.path for place in instance.places)
        try:
            if not all(same_content(source, other) for other in others):
                message = f"{len(instance.places)} files claim to be it, and they differ"
                return FailedInstance(instance.uid, Reason.MISMATCH, message)
            meta, _ = read_whole(source, ())
            with room_at(str(target.parent)):
                target.unlink(missing_ok=True)
                link_or_copy(source, target)
                size = target.stat().st_size
        except (DataError, OSError) as error:
            return _unreadable(instance, error)
        arrived(Arrival(target, instance.uid, meta.sop_class_uid, meta.transfer_syntax_uid, size))
        return None


def _named(files: Sequence[str]) -> str:
    more = f" and {len(files) - NAMED} more" if len(files) > NAMED else ""
    return "; ".join(files[:NAMED]) + more


def _announce(instance: FoundInstance, taken: Path, arrived: OnArrival) -> FailedInstance | None:
    """Report a file that came out of an archive; of one that is cut short nothing stays."""
    try:
        meta, _ = read_whole(taken, ())
    except DataError as error:
        taken.unlink()
        return _unreadable(instance, error)
    size = taken.stat().st_size
    arrived(Arrival(taken, instance.uid, meta.sop_class_uid, meta.transfer_syntax_uid, size))
    return None


def _unreadable(instance: FoundInstance, error: DataError | OSError) -> FailedInstance:
    """Return what happened without the file's name, which may be the patient's."""
    is_ours = isinstance(error, DataError)
    why = "is not a whole DICOM file" if is_ours else f"cannot be used: {error.strerror or 'an error'}"
    return FailedInstance(instance.uid, Reason.REJECTED, f"the file {why}")


def _wanted(found: Scan, request: RetrieveRequest) -> Iterator[FoundInstance]:
    uids = {instance.uid for instance in request.instances}
    for series in _series_of(found, request):
        yield from (one for one in series.instances.values() if not uids or one.uid in uids)


def _series_of(found: Scan, request: RetrieveRequest) -> Iterator[FoundSeries]:
    for (study_uid, _, _), study in found.studies.items():
        if study_uid == request.study_uid:
            for uid, series in study.series.items():
                if not request.series_uids or uid in request.series_uids:
                    yield series


class FolderDestination:
    """A `Destination` that files studies by a layout, in a tree or in archives."""

    def __init__(self, name: str, root: Path, layout: str, filing: Filing) -> None:
        self._name = name
        self._root = root
        self._layout = Layout(layout)
        self._filing = filing

    def begin(self, task_key: str) -> Delivery:
        """Start a study in a place aside; NodeError where the folder cannot be written."""
        self._filing.prepare()
        return StagedDelivery(Waiting(self._name, self._root, self._layout, task_key), self._filing)

    def close(self) -> None:
        """Nothing is held open between studies."""

"""Retrieval (WADO-RS, PS3.18 §10.4): a study, series or instance, each part straight into its file.

What a part holds is read from the file itself: servers have sent parts of other series.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from adit_cli.dicom.files import read_file_meta
from adit_cli.dicom.json_model import JsonDataset, trimmed
from adit_cli.dicom.whole import read_whole
from adit_cli.errors import DataError, NodeError, Reason
from adit_cli.jobfile.values import is_uid
from adit_cli.nodes.base import Arrival, FailedInstance, InstanceRef, OnArrival
from adit_cli.nodes.dicomweb.answer import Answer
from adit_cli.nodes.dicomweb.connection import Ask, WebConnection
from adit_cli.nodes.dicomweb.failures import malformed, not_dicomweb
from adit_cli.nodes.dicomweb.multipart import BUFFER, MultipartError, Part, Parts, write_all
from adit_cli.nodes.storage import PRIVATE_FILE, part_in, same_content, storage_errors

logger = logging.getLogger(__name__)

_DICOM = "application/dicom"
_AS_STORED = f'multipart/related; type="{_DICOM}"; transfer-syntax=*'
_AS_IT_LIKES = f'multipart/related; type="{_DICOM}"'
_NO_CONTENT, _PARTIAL = 204, 206
_NOT_UNDERSTOOD = frozenset((400, 406, 415))
"""What servers answer to `transfer-syntax=*` that do not know it."""
_KEYWORDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one request asks for, and which instances of that are to be kept."""

    study_uid: str
    series_uid: str = ""
    uid: str = ""
    only_series: frozenset[str] = frozenset()
    only: frozenset[str] = frozenset()

    @property
    def path(self) -> str:
        """Where it is below the service."""
        series = f"/series/{self.series_uid}" if self.series_uid else ""
        return f"/studies/{self.study_uid}{series}" + (f"/instances/{self.uid}" if self.uid else "")

    @property
    def level(self) -> str:
        """What messages call it."""
        return "an instance" if self.uid else "a series" if self.series_uid else "a study"


@dataclass(slots=True)
class Brought:
    """What one request brought."""

    arrived: set[str] = field(default_factory=set[str])
    failed: list[FailedInstance] = field(default_factory=list[FailedInstance])
    partial: str = ""
    """How the server said that this is not all of it."""


class Wado:
    """The retrieval of one node."""

    def __init__(self, connection: WebConnection, prefix: str) -> None:
        self._connection = connection
        self._prefix = prefix
        self._accept = _AS_STORED

    def fetch(self, wanted: Wanted, spool: Path, arrived: OnArrival, brought: Brought) -> None:
        """Write what comes to the spool and note it in `brought`, also where it then breaks off."""
        if self._fetched(wanted, self._accept, spool, arrived, brought):
            return
        self._fetched(wanted, _AS_IT_LIKES, spool, arrived, brought)
        logger.info("%s does not know transfer-syntax=*: it chooses one itself", self._connection.name)
        self._accept = _AS_IT_LIKES

    def _fetched(
        self, wanted: Wanted, accept: str, spool: Path, arrived: OnArrival, brought: Brought
    ) -> bool:
        """Fetch; return False where the server may not know the star."""
        ask = Ask(f"WADO-RS of {wanted.level}", self._prefix + wanted.path, accept)
        with self._connection.exchange(ask) as answer:
            if answer.status in _NOT_UNDERSTOOD and accept == _AS_STORED:
                answer.drain()
                return False
            answer.check()
            brought.partial = _partial(answer)
            for arrival in _Landing(answer, wanted, spool, brought).files():
                brought.arrived.add(arrival.uid)
                arrived(arrival)
        return True

    def metadata(self, instance: InstanceRef) -> JsonDataset:
        """Return the header of one instance (PS3.18 §10.4.1.1.2)."""
        path = Wanted(instance.study_uid, instance.series_uid, instance.uid).path
        ask = Ask("WADO-RS of metadata", f"{self._prefix}{path}/metadata", "application/dicom+json")
        with self._connection.exchange(ask) as answer:
            answer.check()
            found = answer.datasets() or []
        if len(found) != 1:
            message = f"{self._connection.name} has no metadata of instance {instance.uid}"
            raise NodeError(message, reason=Reason.NOT_FOUND)
        return trimmed(found[0])


def _partial(answer: Answer) -> str:
    """Return how the server said that something is left out; its own words may name a patient."""
    if answer.status == _PARTIAL:
        return "answered 206 Partial Content"
    warning = answer.header("Warning")
    return f"sent a warning ({warning[:3]})" if warning else ""


def _named(uid: str) -> str:
    return f"instance {uid}" if uid else "an instance without a valid UID"


class _Landing:
    """Where the parts of one answer land."""

    def __init__(self, answer: Answer, wanted: Wanted, spool: Path, brought: Brought) -> None:
        self._answer = answer
        self._wanted = wanted
        self._spool = spool
        self._failed = brought.failed
        self._arrived = brought.arrived

    def files(self) -> Iterator[Arrival]:
        """Yield each file that is whole and was asked for, under its final name."""
        kind = self._answer.content_type
        if self._answer.status == _NO_CONTENT:
            return
        if kind == _DICOM:
            yield from self._landed(0, None)
            return
        if kind != "multipart/related":
            raise not_dicomweb(self._answer.name, self._answer.doing, kind)
        try:
            for part in Parts(self._answer.readinto, self._answer.boundary):
                yield from self._landed(part.number, part)
        except MultipartError as error:
            raise malformed(self._answer.name, self._answer.doing, str(error)) from error

    def _landed(self, number: int, part: Part | None) -> Iterator[Arrival]:
        if part is not None and part.content_type not in {"", _DICOM, "application/octet-stream"}:
            self._refuse("", Reason.REJECTED, f"part {number}, which is {part.content_type} and not DICOM")
            return
        path = part_in(self._spool, str(next(_numbers)))
        arrival = None
        try:
            size = self._written(path, part)
            arrival = self._checked(path, number, size)
        finally:
            if arrival is None:
                path.unlink(missing_ok=True)
        if arrival is not None:
            yield arrival

    def _written(self, path: Path, part: Part | None) -> int:
        with storage_errors("the folder that is fetched into"):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
        try:
            return part.write(descriptor) if part else self._whole_body(descriptor)
        finally:
            os.close(descriptor)

    def _whole_body(self, descriptor: int) -> int:
        block, size = memoryview(bytearray(BUFFER)), 0
        while got := self._answer.readinto(block):
            write_all(descriptor, block[:got])
            size += got
        return size

    def _checked(self, path: Path, number: int, size: int) -> Arrival | None:
        """Give the file its name if it is what was asked for; otherwise say what is wrong with it."""
        try:
            meta, found = read_whole(path, _KEYWORDS)
        except DataError as error:
            self._refuse_broken(path, number, error)
            return None
        study, series, uid = (found.get(keyword, "") for keyword in _KEYWORDS)
        if not self._is_asked_for(study, series, uid):
            named = uid if is_uid(uid) else ""
            self._refuse(named, Reason.MISMATCH, f"{_named(named)}, which was not asked for")
            return None
        if self._wanted.only and uid not in self._wanted.only:
            return None
        target = self._spool / f"{uid}.dcm"
        with storage_errors("the folder that is fetched into"):
            if uid in self._arrived and target.exists():
                self._compare(path, target, uid)
                return None
            path.replace(target)
        return Arrival(target, uid, meta.sop_class_uid, meta.transfer_syntax_uid, size)

    def _compare(self, path: Path, first: Path, uid: str) -> None:
        """Tell of a part that came before with other content: the first one stays."""
        if not same_content(path, first):
            self._refuse(uid, Reason.MISMATCH, f"instance {uid} twice, with other content; the first is kept")

    def _refuse_broken(self, path: Path, number: int, error: DataError) -> None:
        try:
            uid = read_file_meta(path).sop_instance_uid
        except DataError:
            self._refuse(self._wanted.uid, Reason.INCOMPLETE, f"part {number}, which is not DICOM")
            return
        what = "ends too early" if "ends" in error.message else "is not whole DICOM"
        named = self._wanted.uid or (uid if is_uid(uid) else "")
        self._refuse(named, Reason.INCOMPLETE, f"part {number}, which {what}")

    def _is_asked_for(self, study: str, series: str, uid: str) -> bool:
        wanted = self._wanted
        return (
            is_uid(uid)
            and study == wanted.study_uid
            and series in ({wanted.series_uid} if wanted.series_uid else wanted.only_series or {series})
            and uid in ({wanted.uid} if wanted.uid else {uid})
        )

    def _refuse(self, uid: str, reason: Reason, what: str) -> None:
        message = f"{self._answer.name} sent {what}"
        logger.warning("%s (%s)", message, self._answer.doing)
        self._failed.append(FailedInstance(uid, reason, message))

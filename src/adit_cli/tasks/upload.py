"""Send files from disk to a destination as they are, study after study, and say what became of each."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISREG

from adit_cli.dicom.whole import read_whole
from adit_cli.errors import DataError, NodeError, Reason, UsageError
from adit_cli.nodes.archive import is_archive
from adit_cli.nodes.base import Delivered, Destination, Ready
from adit_cli.nodes.below import files_below
from adit_cli.nodes.opened_archives import OpenedArchives, Unopened, told
from adit_cli.nodes.packed import DIRECTORY_CLASS
from adit_cli.nodes.scan import says_dicom
from adit_cli.nodes.storage import same_content, storage_errors

_IDENTITY = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID")
TOGETHER = 100
"""Files handed over at once; what is told of them is shown before the next ones go."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that the destination does not hold, and why."""

    path: Path
    reason: Reason
    message: str


@dataclass(slots=True)
class Outbox:
    """The files that are to be sent, by study, and those that cannot be."""

    studies: dict[str, dict[str, Ready]] = field(default_factory=dict[str, dict[str, Ready]])
    refused: list[Refused] = field(default_factory=list[Refused])
    skipped: list[Path] = field(default_factory=list[Path])
    """Files of a folder that are no DICOM images."""
    misnamed: list[Path] = field(default_factory=list[Path])
    """Files whose file meta information names another instance than their data set, which counts."""

    @property
    def files(self) -> int:
        """How many files are to be sent."""
        return sum(map(len, self.studies.values()))


@dataclass(slots=True)
class Sent:
    """What has become of the files so far."""

    accepted: int = 0
    size: int = 0
    refused: list[Refused] = field(default_factory=list[Refused])
    reserves: list[Delivered] = field(default_factory=list[Delivered])
    """What was said of files that were taken, but that a person should look at."""
    remarks: Counter[str] = field(default_factory=Counter[str])
    """What was said of files that were taken, where that harms none."""
    errors: list[NodeError] = field(default_factory=list[NodeError])
    """What ended the last studies, each before its end; none since one came through."""


class _DirectoryError(DataError):
    """The file is a DICOMDIR: nothing that is sent, and nothing that is missed."""


def collect(paths: Iterable[Path], archives: OpenedArchives) -> Outbox:
    """Look at the files, and into folders and archives; a file that was named and is no DICOM is refused."""
    outbox = Outbox()
    for path in paths:
        if not path.exists():
            raise UsageError(f"there is no file or folder {path}")
        with storage_errors(str(path), UsageError):
            if path.is_dir():
                _collect_folder(outbox, path, archives)
            elif is_archive(path):
                _collect_archive(outbox, path, archives)
            else:
                _collect_file(outbox, path)
    return outbox


def _collect_folder(outbox: Outbox, folder: Path, archives: OpenedArchives) -> None:
    closed: list[Path] = []
    for path in files_below(folder, closed.append):
        try:
            _collect_below(outbox, path, archives)
        except OSError as error:
            outbox.refused.append(Refused(path, Reason.REJECTED, f"cannot be read: {error.strerror}"))
    what = "is a folder that cannot be looked into"
    outbox.refused += [Refused(path, Reason.REJECTED, what) for path in closed]


def _collect_below(outbox: Outbox, path: Path, archives: OpenedArchives) -> None:
    """Take what lies in a folder; OSError for a link to nowhere, too, which may have been to an image."""
    if not S_ISREG(path.stat().st_mode):
        outbox.skipped.append(path)
    elif is_archive(path):
        _collect_archive(outbox, path, archives)
    else:
        _collect_found(outbox, path)


def _collect_archive(outbox: Outbox, archive: Path, archives: OpenedArchives) -> None:
    """Take what is in an archive as if it were a folder; of one that breaks off, what came out is sent."""
    try:
        for path in archives.files(archive):
            if isinstance(path, Unopened):
                outbox.refused.append(Refused(path.path, path.error.reason, told(path.error)))
            else:
                _collect_found(outbox, path)
    except DataError as error:
        outbox.refused.append(Refused(archive, error.reason, told(error)))


def _collect_found(outbox: Outbox, path: Path) -> None:
    """Take one of many files: what is no DICOM is passed over, what is broken is named."""
    try:
        _add(outbox, path)
    except _DirectoryError:
        outbox.skipped.append(path)
    except DataError as error:
        if says_dicom(path):
            outbox.refused.append(Refused(path, error.reason, error.message))
        else:
            outbox.skipped.append(path)


def _collect_file(outbox: Outbox, path: Path) -> None:
    try:
        _add(outbox, path)
    except DataError as error:
        outbox.refused.append(Refused(path, error.reason, error.message))


def _add(outbox: Outbox, path: Path) -> None:
    meta, values = read_whole(path, _IDENTITY)
    if meta.sop_class_uid == DIRECTORY_CLASS:
        raise _DirectoryError(f"{path} is a DICOMDIR, not an image")
    study_uid = values.get("StudyInstanceUID", "")
    uid = values.get("SOPInstanceUID") or meta.sop_instance_uid
    sop_class_uid = values.get("SOPClassUID") or meta.sop_class_uid
    if (uid, sop_class_uid) != (meta.sop_instance_uid, meta.sop_class_uid):
        outbox.misnamed.append(path)
    ready = Ready(path, uid, sop_class_uid, meta.transfer_syntax_uid, path.stat().st_size)
    other = outbox.studies.setdefault(study_uid, {}).setdefault(ready.uid, ready)
    if other is not ready and not same_content(other.path, path):
        message = f"claims to be the same instance as {other.path}, and differs from it"
        outbox.refused.append(Refused(path, Reason.MISMATCH, message))


def send_study(destination: Destination, uid: str, files: Mapping[str, Ready], sent: Sent) -> Iterator[Sent]:
    """Send one study, and yield what is known each time the destination told something.

    Files of one kind go together, to save associations. A study with which the destination fails must not
    keep the others away: what it said nothing of counts as refused.
    """
    untold = dict(files)
    try:
        yield from _sent_in_parts(destination, uid, untold, sent)
    except NodeError as error:
        sent.errors.append(error)
        said = f"{error.message} {error.hint}".strip()
        sent.refused += [Refused(file.path, error.reason, said) for file in untold.values()]
        yield sent
    else:
        sent.errors.clear()


def _sent_in_parts(destination: Destination, uid: str, files: dict[str, Ready], sent: Sent) -> Iterator[Sent]:
    ordered = sorted(files.values(), key=lambda file: (file.sop_class_uid, file.transfer_syntax_uid))
    delivery = destination.begin(f"send-{hashlib.sha256(uid.encode()).hexdigest()[:16]}")
    try:
        for start in range(0, len(ordered), TOGETHER):
            _note(sent, files, delivery.add(ordered[start : start + TOGETHER]))
            yield sent
        _note(sent, files, delivery.finish())
        yield sent
    finally:
        delivery.abandon()


def _note(sent: Sent, untold: dict[str, Ready], told: Iterable[Delivered]) -> None:
    for answer in told:
        file = untold.pop(answer.uid)
        if answer.accepted:
            sent.accepted += 1
            sent.size += file.size
            if answer.reason is not None:
                sent.reserves.append(answer)
            elif answer.message:
                sent.remarks[answer.message] += 1
        else:
            sent.refused.append(Refused(file.path, answer.reason or Reason.REJECTED, answer.message))

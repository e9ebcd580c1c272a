"""File what is received into a folder: each instance whole or not at all, none over another one."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path, PurePosixPath

from adit_cli.dicom.attributes import attributes_behind, read_attributes
from adit_cli.dicom.files import file_meta_of, part10_header
from adit_cli.dicom.query import Attributes
from adit_cli.errors import AditError, DataError, DiskFullError, Reason, UsageError
from adit_cli.nodes.dimse.incoming import IncomingFile, is_valid_uid, sync_folder
from adit_cli.nodes.dimse.shelves import ByUid, Shelf, beside
from adit_cli.nodes.storage import make_private, same_content, storage_errors

OUT_OF_RESOURCES, DOES_NOT_MATCH, ALREADY_THERE, NOT_AUTHORISED = 0xA700, 0xA900, 0x0111, 0x0124
_IDENTITY = ("SOPInstanceUID", "StudyInstanceUID")


@dataclass(frozen=True, slots=True)
class Filed:
    """What became of one instance: the status to answer with, and where it is."""

    status: int
    study_uid: str = ""
    path: Path | None = None
    size: int = 0
    message: str = ""


class GuardedFile:
    """A file that takes what comes; once that fails, the rest is let go and the failure kept."""

    def __init__(self, part: Path, header: bytes) -> None:
        self.error: AditError | None = None
        self.file: IncomingFile | None = None
        try:
            self.file = IncomingFile(part, header)
        except AditError as error:
            self.error = error

    def take(self, part: memoryview) -> None:
        """Note a part."""
        if self.file is not None and self.error is None:
            try:
                self.file.take(part)
            except AditError as error:
                self.error = error

    def flush(self) -> None:
        """Write what was noted."""
        if self.file is not None and self.error is None:
            try:
                self.file.flush()
            except AditError as error:
                self.error = error

    def discard(self) -> None:
        """Leave nothing behind."""
        if self.file is not None:
            self.file.discard()


class Filing:
    """The folder that instances arrive in, shared by all associations."""

    def __init__(
        self, folder: Path, shelf: Shelf | None = None, *, sync: bool, sync_names: bool = True
    ) -> None:
        self._folder = folder
        self._shelf = shelf or ByUid()
        self._sync = sync
        self._sync_names = sync and sync_names
        self._incoming = folder / ".incoming"
        self._numbers = count()
        self._free = threading.Condition()
        self._taken: set[Path] = set()

    def prepare(self) -> None:
        """Make the folder and clear what an earlier receiver left half-written; UsageError if it cannot."""
        with storage_errors(str(self._folder), UsageError):
            make_private(self._incoming)
            for left in self._incoming.glob("*.part"):
                left.unlink(missing_ok=True)

    def begin(self, sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str) -> GuardedFile:
        """Return the sink for one instance whose UIDs are valid."""
        part = self._incoming / f"{os.getpid()}-{next(self._numbers)}.part"
        return GuardedFile(part, part10_header(sop_class_uid, sop_instance_uid, transfer_syntax_uid))

    def finish(self, sink: GuardedFile, sop_instance_uid: str) -> Filed:
        """File a whole instance; it is safe where the status says Success."""
        try:
            return self._finish(sink, sop_instance_uid)
        except DiskFullError as error:
            return _failed(OUT_OF_RESOURCES, error)
        except DataError as error:
            return _failed(DOES_NOT_MATCH, error)
        except AditError as error:
            return _failed(OUT_OF_RESOURCES, error)
        finally:
            sink.discard()

    def _finish(self, sink: GuardedFile, uid: str) -> Filed:
        sink.flush()
        if sink.error is not None or sink.file is None:
            raise sink.error or DataError("Nothing came.")
        values = _read(sink.file, uid, self._shelf)
        study_uid = values["StudyInstanceUID"]
        place = self._shelf.place(values)
        if place is None:
            return Filed(NOT_AUTHORISED, study_uid, message="Nobody here asked for its study.")
        with self._taking(self._folder / place), storage_errors(str(self._folder), UsageError):
            final = self._final(place, uid)
            if final.exists():
                return self._again(sink.file, final, study_uid)
            self._make_folder(final.parent)
            sink.file.commit(final, sync=self._sync, sync_name=self._sync_names)
        return Filed(0, study_uid, final, sink.file.size)

    @contextmanager
    def _taking(self, final: Path) -> Generator[None]:
        """Let one at a time look at a place and fill it; two senders may bring the same instance at once."""
        with self._free:
            self._free.wait_for(lambda: final not in self._taken)
            self._taken.add(final)
        try:
            yield
        finally:
            with self._free:
                self._taken.discard(final)
                self._free.notify_all()

    def _final(self, place: PurePosixPath, uid: str) -> Path:
        """Return the path for an instance: beside its place where another instance has that."""
        final = self._folder / place
        if final.stem == uid or not final.exists():
            return final
        return final if _instance_at(final) == uid else self._folder / beside(place, uid)

    def _again(self, file: IncomingFile, final: Path, study_uid: str) -> Filed:
        """Answer for an instance that is there: the same again is fine, another one is never written over."""
        if same_content(file.part, final):
            return Filed(0, study_uid, final, file.size)
        message = "Another instance of the same UID is there already; it was kept."
        return Filed(ALREADY_THERE, study_uid, message=message)

    def _make_folder(self, folder: Path) -> None:
        if folder.is_dir():
            return
        with storage_errors(str(self._folder), UsageError):
            make_private(folder)
            if self._sync_names:
                for above in (folder, *folder.parents)[: len(folder.relative_to(self._folder).parts)]:
                    sync_folder(above.parent)


def _read(file: IncomingFile, uid: str, shelf: Shelf) -> Attributes:
    found = _attributes(file, (*_IDENTITY, *shelf.keywords))
    if found.get("SOPInstanceUID") != uid:
        raise DataError("The data set has another SOP Instance UID than its C-STORE request.")
    if not is_valid_uid(found.get("StudyInstanceUID", "")):
        raise DataError("The data set has no valid Study Instance UID.", reason=Reason.REJECTED)
    return found


def _attributes(file: IncomingFile, keywords: Sequence[str]) -> Attributes:
    """Return attributes of a file: from its first bytes, or where those break off, from all of it."""
    head = file.head()
    try:
        return attributes_behind(head, file_meta_of(head, file.part.name), keywords)
    except DataError:
        return read_attributes(file.part, keywords)


def _instance_at(path: Path) -> str:
    """Return which instance lies at a place; none where something else does."""
    try:
        return read_attributes(path, ("SOPInstanceUID",)).get("SOPInstanceUID", "")
    except DataError:
        return ""


def _failed(status: int, error: AditError) -> Filed:
    return Filed(status, message=error.message)

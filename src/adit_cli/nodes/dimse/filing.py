"""File what is received into a folder: each instance whole or not at all, none over another one."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path, PurePosixPath

from adit_cli.dicom.attributes import attributes_behind, read_attributes
from adit_cli.dicom.files import file_meta_of, part10_header
from adit_cli.dicom.query import Attributes
from adit_cli.errors import AditError, DataError, DiskFullError, Reason, UsageError
from adit_cli.nodes.dimse.incoming import HEAD, IncomingFile, is_valid_uid, sync_folder
from adit_cli.nodes.dimse.shelves import ByUid, Shelf, beside
from adit_cli.nodes.storage import make_private, part_in, same_content, storage_errors

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
    """A file that takes what comes; once that fails, the rest is let go and the failure kept.

    What is asked of it is read as soon as its beginning is there, while the peer still sends the rest.
    """

    def __init__(self, part: Path, header: bytes, keywords: Sequence[str]) -> None:
        self.error: AditError | None = None
        self.file: IncomingFile | None = None
        self._keywords = keywords
        self._found: Attributes | None = None
        self._is_looked_at = False
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
                self._look_early(self.file)
            except AditError as error:
                self.error = error

    def whole(self) -> tuple[IncomingFile, Attributes]:
        """Return the file, flushed, and what was asked of it; what went wrong on the way is raised."""
        self.flush()
        if self.error is not None or self.file is None:
            raise self.error or DataError("Nothing came.")
        if self._found is None:
            self._found = _attributes(self.file, self._keywords)
        return self.file, self._found

    def _look_early(self, file: IncomingFile) -> None:
        if self._is_looked_at or file.size < HEAD:
            return
        self._is_looked_at = True
        with suppress(DataError):  # more of it is needed
            self._found = _attributes_in(file.head(), file, self._keywords)

    def discard(self) -> None:
        """Leave nothing behind."""
        if self.file is not None:
            self.file.discard()


class Filing:
    """The folder that instances arrive in, shared by all associations."""

    def __init__(self, folder: Path, shelf: Shelf | None = None, *, sync: bool) -> None:
        self._folder = folder
        self._shelf = shelf or ByUid()
        self._sync = sync
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
        part = part_in(self._incoming, str(next(self._numbers)))
        header = part10_header(sop_class_uid, sop_instance_uid, transfer_syntax_uid)
        return GuardedFile(part, header, (*_IDENTITY, *self._shelf.keywords))

    def finish(self, sink: GuardedFile, sop_instance_uid: str) -> Filed:
        """File a whole instance; with `sync` it is safe on the disk itself where the status says Success."""
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
        file, values = sink.whole()
        study_uid = _checked_study(values, uid)
        place = self._shelf.place(values)
        if place is None:
            return Filed(NOT_AUTHORISED, study_uid, message="Nobody here asked for its study.")
        with self._taking(self._folder / place), storage_errors(str(self._folder), UsageError):
            final = self._final(place, uid)
            if final.exists():
                return self._again(file, final, study_uid)
            self._make_folder(final.parent)
            file.commit(final, sync=self._sync)
        return Filed(0, study_uid, final, file.size)

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
            if self._sync:
                for above in (folder, *folder.parents)[: len(folder.relative_to(self._folder).parts)]:
                    sync_folder(above.parent)


def _checked_study(found: Attributes, uid: str) -> str:
    """Return the study that an instance is filed under, if it is the one it came as."""
    if found.get("SOPInstanceUID") != uid:
        raise DataError("The data set has another SOP Instance UID than its C-STORE request.")
    study_uid = found.get("StudyInstanceUID", "")
    if not is_valid_uid(study_uid):
        raise DataError("The data set has no valid Study Instance UID.", reason=Reason.REJECTED)
    return study_uid


def _attributes(file: IncomingFile, keywords: Sequence[str]) -> Attributes:
    """Return attributes of a file: from its first bytes, or where those break off, from all of it."""
    try:
        return _attributes_in(file.head(), file, keywords)
    except DataError:
        return read_attributes(file.part, keywords)


def _attributes_in(head: bytes, file: IncomingFile, keywords: Sequence[str]) -> Attributes:
    return attributes_behind(head, file_meta_of(head, file.part.name), keywords)


def _instance_at(path: Path) -> str:
    """Return which instance lies at a place; none where something else does."""
    try:
        return read_attributes(path, ("SOPInstanceUID",)).get("SOPInstanceUID", "")
    except DataError:
        return ""


def _failed(status: int, error: AditError) -> Filed:
    return Filed(status, message=error.message)

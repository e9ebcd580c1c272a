"""One study on its way into a folder tree: kept aside until it is whole, then moved in by rename.

Nothing that stands in the tree is ever written over; what lies there already is compared.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path, PurePosixPath

from adit_cli.dicom.attributes import read_attributes
from adit_cli.dicom.query import Attributes
from adit_cli.errors import DataError, Reason
from adit_cli.nodes.aside import Aside
from adit_cli.nodes.base import Delivered, Ready
from adit_cli.nodes.layout import Layout, set_apart
from adit_cli.nodes.manifest import manifest_of_study, write_manifest
from adit_cli.nodes.storage import flush, make_private, same_content, storage_errors, take_private

_ALWAYS = frozenset({"StudyInstanceUID", "SeriesInstanceUID", "PatientID", "Modality"})


@dataclass(slots=True)
class Staged:
    """A file that waits for its study, and what the layout needs to know of it."""

    path: Path
    values: Attributes


class Waiting:
    """The files of one study in a corner of the destination, until all of them are there."""

    def __init__(self, name: str, root: Path, layout: Layout, task_key: str) -> None:
        self._name = name
        self._layout = layout
        self._numbers = count()
        self.staged: dict[str, Staged] = {}
        with storage_errors(name):
            self._aside = Aside(root, task_key)

    @property
    def folder(self) -> Path:
        """Where they wait; whatever else is put here goes with them."""
        return self._aside.folder

    def add(self, files: Sequence[Ready]) -> list[Delivered]:
        """Take the files aside; returns those that cannot be read."""
        with storage_errors(self._name):
            answers = [self._take(file) for file in files]
        return [answer for answer in answers if answer is not None]

    def places(self) -> dict[str, PurePosixPath]:
        """Return where each file goes by the layout, every file to another place."""
        modalities = {staged.values.get("Modality", "") for staged in self.staged.values()}
        return set_apart(
            {uid: self._layout.place(staged.values, modalities) for uid, staged in self.staged.items()}
        )

    def close(self) -> None:
        """Remove what still waits."""
        self._aside.close()

    def _take(self, file: Ready) -> Delivered | None:
        if file.uid in self.staged:
            return None
        target = self.folder / str(next(self._numbers))
        take_private(file.path, target, spooled=file.spooled)
        try:
            values = read_attributes(target, self._layout.keywords | _ALWAYS)
        except DataError as error:
            return Delivered(file.uid, accepted=False, reason=Reason.REJECTED, message=error.message)
        self.staged[file.uid] = Staged(target, values)
        return None


class StagedDelivery:
    """A `Delivery` into the tree below `root`."""

    def __init__(
        self, name: str, root: Path, layout: Layout, task_key: str, *, manifest: bool = False
    ) -> None:
        self._name = name
        self._root = root
        self._manifest = manifest
        self._waiting = Waiting(name, root, layout, task_key)

    def add(self, files: Sequence[Ready]) -> list[Delivered]:
        """Take the files aside; whether they fit into the tree shows when the study is whole."""
        return self._waiting.add(files)

    def finish(self) -> list[Delivered]:
        """Move the study into the tree and wait until it is on the disk itself."""
        with storage_errors(self._name):
            flush(staged.path for staged in self._waiting.staged.values())
            places = self._waiting.places()
            told = self._move_as_one(places) or [self._move(uid, place) for uid, place in places.items()]
            flush(folders_above(self._root, places.values()))
            if self._manifest:
                self._write_manifests({one.uid: places[one.uid] for one in told if one.accepted})
        self.abandon()
        return told

    def abandon(self) -> None:
        """Remove what is still aside."""
        self._waiting.close()

    def _write_manifests(self, places: Mapping[str, PurePosixPath]) -> None:
        by_study: dict[str, list[PurePosixPath]] = {}
        for uid, place in places.items():
            study_uid = self._waiting.staged[uid].values.get("StudyInstanceUID", "")
            by_study.setdefault(study_uid, []).append(place)
        for study_uid, theirs in by_study.items():
            draft = self._waiting.folder / "manifest"
            write_manifest(self._root, manifest_of_study(study_uid), theirs, draft)

    def _move_as_one(self, places: dict[str, PurePosixPath]) -> list[Delivered]:
        """Rename the folder that holds the whole study into place; nothing where one stands there."""
        study = PurePosixPath(os.path.commonpath([place.parent for place in places.values()] or [""]))
        if not study.parts or (self._root / study).exists():
            return []
        whole = self._waiting.folder / "study"
        for uid, place in places.items():
            target = whole / place.relative_to(study)
            make_private(target.parent)
            self._waiting.staged[uid].path = self._waiting.staged[uid].path.rename(target)
        make_private((self._root / study).parent)
        return [accepted(uid) for uid in places] if _renamed(whole, self._root / study) else []

    def _move(self, uid: str, place: PurePosixPath) -> Delivered:
        target = self._root / place
        make_private(target.parent)
        staged = self._waiting.staged[uid].path
        if put(staged, target) or same_content(staged, target):
            return accepted(uid)
        message = "other content is already in its place, and was left untouched"
        return Delivered(uid, accepted=False, reason=Reason.MISMATCH, message=message)


def accepted(uid: str) -> Delivered:
    """Return the answer for a file that stands in its place."""
    return Delivered(uid, accepted=True)


def _renamed(folder: Path, target: Path) -> bool:
    """Return whether the folder could take its place; another process may have been there first."""
    try:
        folder.rename(target)
    except OSError as error:
        if error.errno in {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}:
            return False
        raise
    return True


def put(staged: Path, target: Path) -> bool:
    """Return whether the file could take a free place. A link fails where `rename` would write over."""
    try:
        target.hardlink_to(staged)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}:
            raise
        return _put_without_links(staged, target)
    return True


def _put_without_links(staged: Path, target: Path) -> bool:
    if target.exists():
        return False
    shutil.move(staged, target)
    return True


def folders_above(root: Path, places: Iterable[PurePosixPath]) -> set[Path]:
    """Return the folders that must be flushed so that these places are found again."""
    return {root / parent for place in places for parent in place.parents}

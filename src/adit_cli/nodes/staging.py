"""One study on its way into a folder tree: kept aside until it is whole, then moved in by rename.

Nothing that stands in the tree is ever written over; what lies there already is compared.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path, PurePosixPath

from adit_cli.dicom.attributes import read_attributes
from adit_cli.dicom.query import Attributes
from adit_cli.errors import DataError, Reason
from adit_cli.nodes.aside import Aside
from adit_cli.nodes.base import Delivered, Ready
from adit_cli.nodes.layout import Layout, set_apart
from adit_cli.nodes.storage import flush, make_private, same_content, storage_errors, take_private

_ALWAYS = frozenset({"StudyInstanceUID", "SeriesInstanceUID", "Modality"})


@dataclass(slots=True)
class _Staged:
    """A file that waits for its study, and what the layout needs to know of it."""

    path: Path
    values: Attributes


class StagedDelivery:
    """A `Delivery` into the tree below `root`."""

    def __init__(self, name: str, root: Path, layout: Layout, task_key: str) -> None:
        self._name = name
        self._root = root
        self._layout = layout
        self._staged: dict[str, _Staged] = {}
        self._numbers = count()
        with storage_errors(name):
            self._aside = Aside(root, task_key)

    def add(self, files: Sequence[Ready]) -> list[Delivered]:
        """Take the files aside; whether they fit into the tree shows when the study is whole."""
        with storage_errors(self._name):
            answers = [self._take(file) for file in files]
        return [answer for answer in answers if answer is not None]

    def finish(self) -> list[Delivered]:
        """Move the study into the tree and wait until it is on the disk itself."""
        with storage_errors(self._name):
            flush(staged.path for staged in self._staged.values())
            places = self._places()
            told = self._move_as_one(places) or [self._move(uid, place) for uid, place in places.items()]
            flush(_folders_above(self._root, places.values()))
        self.abandon()
        return told

    def abandon(self) -> None:
        """Remove what is still aside."""
        self._aside.close()

    def _take(self, file: Ready) -> Delivered | None:
        if file.uid in self._staged:
            return None
        target = self._aside.folder / str(next(self._numbers))
        take_private(file.path, target, spooled=file.spooled)
        try:
            values = read_attributes(target, self._layout.keywords | _ALWAYS)
        except DataError as error:
            return Delivered(file.uid, accepted=False, reason=Reason.REJECTED, message=error.message)
        self._staged[file.uid] = _Staged(target, values)
        return None

    def _places(self) -> dict[str, PurePosixPath]:
        modalities = {staged.values.get("Modality", "") for staged in self._staged.values()}
        return set_apart(
            {uid: self._layout.place(staged.values, modalities) for uid, staged in self._staged.items()}
        )

    def _move_as_one(self, places: dict[str, PurePosixPath]) -> list[Delivered]:
        """Rename the folder that holds the whole study into place; nothing where one stands there."""
        study = PurePosixPath(os.path.commonpath([place.parent for place in places.values()] or [""]))
        if not study.parts or (self._root / study).exists():
            return []
        whole = self._aside.folder / "study"
        for uid, place in places.items():
            target = whole / place.relative_to(study)
            make_private(target.parent)
            self._staged[uid].path = self._staged[uid].path.rename(target)
        make_private((self._root / study).parent)
        return [_accepted(uid) for uid in places] if _renamed(whole, self._root / study) else []

    def _move(self, uid: str, place: PurePosixPath) -> Delivered:
        target = self._root / place
        make_private(target.parent)
        staged = self._staged[uid].path
        if _put(staged, target) or same_content(staged, target):
            return _accepted(uid)
        message = "other content is already in its place, and was left untouched"
        return Delivered(uid, accepted=False, reason=Reason.MISMATCH, message=message)


def _accepted(uid: str) -> Delivered:
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


def _put(staged: Path, target: Path) -> bool:
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


def _folders_above(root: Path, places: Iterable[PurePosixPath]) -> set[Path]:
    return {root / parent for place in places for parent in place.parents}

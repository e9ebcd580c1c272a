"""Studies as a folder tree: a study that is new moves in as one, by rename.

Nothing that stands in the tree is ever written over; what lies there already is compared.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path, PurePosixPath

from adit_cli.errors import NodeError, Reason
from adit_cli.nodes.base import Delivered, accepted
from adit_cli.nodes.manifest import manifest_of_study, write_manifest
from adit_cli.nodes.staging import Held
from adit_cli.nodes.storage import flush, make_private, same_content, storage_errors


class TreeFiling:
    """A `Filing` into the tree below `root`; `one_by_one` where names depend on what is there already."""

    def __init__(
        self,
        name: str,
        root: Path,
        *,
        manifest: bool = False,
        dicomdir: bool = False,
        one_by_one: bool = False,
    ) -> None:
        self._name = name
        self._root = root
        self._manifest = manifest
        self._dicomdir = dicomdir
        self._one_by_one = one_by_one

    def prepare(self) -> None:
        """Make the folder; NodeError where it cannot be written."""
        prepare_folder(self._name, self._root)

    def file(self, held: Held) -> list[Delivered]:
        """Move the study into the tree and wait until it is on the disk itself."""
        with storage_errors(self._name):
            flush(staged.path for staged in held.staged.values())
            with alone(self._root) if self._one_by_one else nullcontext():
                places, told = self._moved(held)
            flush(folders_above(self._root, places.values()))
            if self._dicomdir:
                self._list(held, [places[one.uid] for one in told if one.accepted])
            if self._manifest:
                self._write_manifests(held, {one.uid: places[one.uid] for one in told if one.accepted})
        return told

    def _moved(self, held: Held) -> tuple[dict[str, PurePosixPath], list[Delivered]]:
        places = held.places()
        told = self._move_as_one(held, places)
        return places, told or [self._move(held, uid, place) for uid, place in places.items()]

    def _list(self, held: Held, places: list[PurePosixPath]) -> None:
        from adit_cli.nodes.disc import list_in_directory  # noqa: PLC0415 - pydicom is slow to load

        with alone(self._root):
            list_in_directory(self._name, self._root, places, held.folder / "directory")

    def _write_manifests(self, held: Held, places: Mapping[str, PurePosixPath]) -> None:
        by_study: dict[str, list[PurePosixPath]] = {}
        for uid, place in places.items():
            study_uid = held.staged[uid].values.get("StudyInstanceUID", "")
            by_study.setdefault(study_uid, []).append(place)
        for study_uid, theirs in by_study.items():
            draft = held.folder / "manifest"
            write_manifest(self._root, manifest_of_study(study_uid), theirs, draft)

    def _move_as_one(self, held: Held, places: Mapping[str, PurePosixPath]) -> list[Delivered]:
        """Rename the folder that holds the whole study into place; nothing where one stands there."""
        study = PurePosixPath(os.path.commonpath([place.parent for place in places.values()] or [""]))
        if not study.parts or (self._root / study).exists():
            return []
        whole = held.folder / "study"
        for uid, place in places.items():
            target = whole / place.relative_to(study)
            make_private(target.parent)
            held.staged[uid].path = held.staged[uid].path.rename(target)
        make_private((self._root / study).parent)
        return [accepted(uid) for uid in places] if _renamed(whole, self._root / study) else []

    def _move(self, held: Held, uid: str, place: PurePosixPath) -> Delivered:
        target = self._root / place
        make_private(target.parent)
        staged = held.staged[uid].path
        if put(staged, target) or same_content(staged, target):
            return accepted(uid)
        message = "other content is already in its place, and was left untouched"
        return Delivered(uid, accepted=False, reason=Reason.MISMATCH, message=message)


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


@contextmanager
def alone(root: Path) -> Generator[None]:
    """Let one process at a time change what the studies of a folder have in common."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def prepare_folder(name: str, root: Path) -> None:
    """Make a destination's folder; NodeError where that cannot be."""
    if root.exists() and not root.is_dir():
        raise NodeError(f"{name}: {root} is not a folder")
    with storage_errors(name):
        make_private(root)

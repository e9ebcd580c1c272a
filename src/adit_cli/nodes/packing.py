"""Studies as archives: staged, packed aside, and renamed into place when whole.

An archive that stands there is only ever replaced by one that holds all it held, unchanged.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path, PurePosixPath
from shutil import copyfileobj

from adit_cli.errors import DataError, NodeError, Reason
from adit_cli.jobfile.archive import Archive
from adit_cli.nodes import sevenzip
from adit_cli.nodes.archive import members
from adit_cli.nodes.base import Delivered, accepted
from adit_cli.nodes.layout import Layout
from adit_cli.nodes.manifest import manifest_of_archive, write_manifest
from adit_cli.nodes.staging import Held, Staged
from adit_cli.nodes.storage import (
    BLOCK,
    PRIVATE_FILE,
    flush,
    make_private,
    storage_errors,
    write_private,
)
from adit_cli.nodes.tree import alone, folders_above, prepare_folder, put

_NAMES = {"study": "{StudyInstanceUID}", "patient": "{PatientID}"}


class ArchiveFiling:
    """A `Filing` that packs the studies, or all studies of a patient, into an archive each."""

    def __init__(
        self, name: str, root: Path, archive: Archive, *, manifest: bool = False, dicomdir: bool = False
    ) -> None:
        self._name = name
        self._root = root
        self._archive = archive
        self._password = archive.secret
        self._manifest = manifest
        self._dicomdir = dicomdir

    def prepare(self) -> None:
        """Make the folder; NodeError where it cannot be written, or the program is missing."""
        if self._archive.needs_program:
            sevenzip.program()
        prepare_folder(self._name, self._root)

    def file(self, held: Held) -> list[Delivered]:
        """Pack the study and wait until its archive is on the disk itself."""
        told: list[Delivered] = []
        with storage_errors(self._name), alone(self._root):
            for number, (target, files) in enumerate(self._by_archive(held).items()):
                told += self._deliver(held, target, files, held.folder / f"work-{number}")
        return told

    def _by_archive(self, held: Held) -> dict[PurePosixPath, dict[str, str]]:
        """Return for each archive the names in it, by SOP Instance UID."""
        name = Layout(f"{_NAMES[self._archive.per]}.{self._archive.format}")
        archives: dict[PurePosixPath, dict[str, str]] = {}
        for uid, place in held.places().items():
            staged = held.staged[uid]
            inner = _neutral(staged) if self._archive.format == "zip" and self._password else str(place)
            archives.setdefault(name.place(staged.values, ()), {})[uid] = inner
        return archives

    def _deliver(
        self, held: Held, place: PurePosixPath, files: Mapping[str, str], work: Path
    ) -> list[Delivered]:
        """Put the files into an archive, together with what is in it already."""
        target = self._root / place
        make_private(work / "tree")
        present = work / f"present.{self._archive.format}"
        try:
            known = self._known(target, present)
        except DataError:
            what = "is not encrypted with this password" if self._password else "cannot be opened"
            why = f"an archive that {what} is already there"
            return [_refused(uid, why) for uid in files]
        differing = [uid for uid, name in files.items() if name in known and known[name] != _sum(held, uid)]
        new = {uid: name for uid, name in files.items() if name not in known}
        if new and not self._pack(held, target, new, work, present if known else None):
            return [_refused(uid, "another archive is already in its place") for uid in files]
        flush([target, *folders_above(self._root, [place])])
        if self._manifest:
            write_manifest(self._root, manifest_of_archive(place), [place], work / "manifest")
        return [
            _refused(uid, "other content is already in the archive") if uid in differing else accepted(uid)
            for uid in files
        ]

    def _known(self, target: Path, present: Path) -> dict[str, bytes]:
        """Return the checksums of what is in the archive that stands there; nothing where none does."""
        if not target.exists():
            return {}
        present.symlink_to(target)
        if self._password and not sevenzip.is_encrypted(present, self._archive.format, self._password):
            raise DataError("an archive without the password is there")
        with closing(members(present, self._password)) as found:
            return {
                member.name: _digest(iter(lambda data=member.data: data.read(BLOCK), b"")) for member in found
            }

    def _pack(
        self, held: Held, target: Path, new: Mapping[str, str], work: Path, present: Path | None
    ) -> bool:
        """Return whether an archive with the new files, and all that was in the old one, took its place."""
        tree, packed = work / "tree", work / f"new.{self._archive.format}"
        for uid, name in new.items():
            make_private((tree / name).parent)
            held.staged[uid].path.rename(tree / name)
        if present is not None:
            self._take_along(present, tree)
        if self._dicomdir:
            self._list(tree, new.values(), work)
        if self._archive.needs_program:
            sevenzip.write(tree, packed, self._archive.format, self._password)
            packed.chmod(PRIVATE_FILE)
        else:
            _write_zip(tree, packed)
        flush([packed])
        make_private(target.parent)
        if present is None:
            return put(packed, target)
        packed.replace(target)
        return True

    def _list(self, tree: Path, names: Iterable[str], work: Path) -> None:
        from adit_cli.nodes.disc import list_in_directory  # noqa: PLC0415 - pydicom is slow to load

        list_in_directory(self._name, tree, map(PurePosixPath, names), work / "directory")

    def _take_along(self, present: Path, tree: Path) -> None:
        with closing(members(present, self._password)) as found:
            for member in found:
                path = tree / PurePosixPath(member.name)
                if not path.resolve().is_relative_to(tree.resolve()):
                    raise NodeError(f"{self._name}: the archive that is there was not made by this program")
                make_private(path.parent)
                write_private(member.data, path)


def _neutral(staged: Staged) -> str:
    """Return a name that says nothing, and is the same each time: zip does not hide names."""
    return hashlib.sha256(staged.stem.encode()).hexdigest()[:24] + staged.suffix


def _refused(uid: str, why: str) -> Delivered:
    return Delivered(uid, accepted=False, reason=Reason.MISMATCH, message=f"{why}, and was left untouched")


def _sum(held: Held, uid: str) -> bytes:
    with held.staged[uid].path.open("rb") as file:
        return _digest(iter(lambda: file.read(BLOCK), b""))


def _digest(blocks: Iterable[bytes]) -> bytes:
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
    return digest.digest()


def _write_zip(tree: Path, packed: Path) -> None:
    """Write a plain zip; the same files give the same bytes."""
    descriptor = os.open(packed, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as output, zipfile.ZipFile(output, "w") as archive:
        for path in sorted(path for path in tree.rglob("*") if path.is_file()):
            info = zipfile.ZipInfo(str(path.relative_to(tree)))
            info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, PRIVATE_FILE << 16
            info.file_size = path.stat().st_size
            with path.open("rb") as data, archive.open(info, "w") as member:
                copyfileobj(data, member, BLOCK)

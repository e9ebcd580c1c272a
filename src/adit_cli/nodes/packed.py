"""DICOM files in archives: look at them where they are, and take single ones out under names of our own."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from adit_cli.dicom.attributes import DEFLATED, attributes_behind, read_attributes
from adit_cli.dicom.dictionary import tag_of
from adit_cli.dicom.directory import DIRECTORY_CLASS
from adit_cli.dicom.elements import encoding_of
from adit_cli.dicom.files import file_meta_of
from adit_cli.dicom.query import Attributes
from adit_cli.dicom.scan import scan
from adit_cli.errors import DataError
from adit_cli.nodes.archive import Member, Readable, is_archive, members
from adit_cli.nodes.storage import BLOCK, PRIVATE_FILE

_FIRST_LOOK = 1 << 16
_LONGEST_LOOK = 1 << 26
"""What comes before the attributes that are asked for may hold large private elements, but not this large."""


class NotAnImageError(DataError):
    """The file in the archive is none of DICOM's, or a DICOMDIR."""


class DirectoryFoundError(NotAnImageError):
    """The file in the archive is a DICOMDIR."""

    def __init__(self, content: bytes) -> None:
        super().__init__("a DICOMDIR")
        self.content = content


class NestedArchiveError(NotAnImageError):
    """The file in the archive is an archive again: that is not opened, since each level multiplies."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file lies: on the disk, or as a member of an archive that does."""

    path: Path
    member: int = 0
    """Its number in the archive, counted from 1; 0 is a file by itself."""
    absent: bool = False
    """Whether a DICOMDIR names it, and it isn't there; the path is then that of the DICOMDIR's folder."""

    def shown(self, root: Path) -> str:
        """Return the place as messages name it."""
        relative = str(self.path.relative_to(root))
        return f"{relative}, file {self.member}" if self.member else relative


def look_into(archive: Path, keywords: Iterable[str]) -> Iterator[tuple[Place, Attributes | DataError]]:
    """Yield each file of an archive with its attributes, or why it has none; DataError as `members`."""
    wanted = tuple(keywords)
    with closing(members(archive)) as found:
        for member in found:
            yield Place(archive, member.number), _looked_at(member, wanted)


def attributes_at(place: Place, keywords: Iterable[str]) -> Attributes:
    """Return single attributes of a file wherever it lies; DataError where it is not DICOM any more."""
    if not place.member:
        return read_attributes(place.path, keywords)
    with closing(members(place.path)) as found:
        for member in found:
            if member.number == place.member:
                return _attributes(member, tuple(keywords))
    raise DataError(f"{place.path.name} has changed: file {place.member} is not in it")


def take_out(archive: Path, targets: Mapping[int, Path]) -> Iterator[int]:
    """Write members to new files of ours, in one pass; yields the number of each that is whole.

    DataError where the archive breaks off; a file that is not whole is removed.
    """
    left = set(targets)
    with closing(members(archive)) as found:
        for member in found:
            if member.number in left:
                write_private(member.data, targets[member.number])
                left.discard(member.number)
                yield member.number
            if not left:
                return
    raise DataError(f"{archive.name} has changed: files are missing in it")


def write_private(data: Readable, target: Path) -> None:
    """Write what can be read into a new file for its owner only; nothing is left of one that is not whole."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        with os.fdopen(descriptor, "wb") as output:
            while block := data.read(BLOCK):
                output.write(block)
    except BaseException:
        target.unlink()
        raise


def _looked_at(member: Member, keywords: tuple[str, ...]) -> Attributes | DataError:
    try:
        return _attributes(member, keywords)
    except DataError as error:
        return error


def _attributes(member: Member, keywords: tuple[str, ...]) -> Attributes:
    """Return attributes from the beginning of a member, read as far as it takes."""
    head = _read(member.data, _FIRST_LOOK)
    if head[128:132] != b"DICM":
        if is_archive(Path(member.name)):
            raise NestedArchiveError("an archive")
        raise NotAnImageError("not DICOM")
    if len(head) == _FIRST_LOOK and not _reaches_beyond(head, keywords):
        head += _read(member.data, _LONGEST_LOOK)
    meta = file_meta_of(head, f"file {member.number}")
    if meta.sop_class_uid == DIRECTORY_CLASS:
        raise DirectoryFoundError(head + _read(member.data, _LONGEST_LOOK))
    return attributes_behind(head, meta, keywords)


def _reaches_beyond(head: bytes, keywords: tuple[str, ...]) -> bool:
    """Return whether the beginning of a file is long enough to know that these are there, or are not."""
    last = max(tag_of(keyword) or 0 for keyword in keywords)
    try:
        meta = file_meta_of(head, "")
        found = scan(head, encoding_of(meta.transfer_syntax_uid), at=meta.dataset_offset)
        return meta.transfer_syntax_uid != DEFLATED and any(tag > last for tag, _, _ in found)
    except DataError:
        return False


def _read(data: Readable, size: int) -> bytes:
    """Return so many bytes, or all there are: a stream may give fewer at a time."""
    blocks: list[bytes] = []
    while size and (block := data.read(min(size, BLOCK))):
        blocks.append(block)
        size -= len(block)
    return b"".join(blocks)

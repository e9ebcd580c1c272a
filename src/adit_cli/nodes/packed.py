"""DICOM files in archives: look at them where they are, and take single ones out under names of our own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
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
from adit_cli.nodes.archive import Member
from adit_cli.nodes.below import shown_below
from adit_cli.nodes.measure import LockedError
from adit_cli.nodes.nested import Inside, Opening, files_in
from adit_cli.nodes.storage import BLOCK, Readable, write_private

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


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file lies: on the disk, or as a member of an archive that does."""

    path: Path
    inside: Inside = ()
    """Where in that archive; a file by itself lies in none."""
    absent: bool = False
    """Whether a DICOMDIR names it, and it isn't there; the path is then that of the DICOMDIR's folder."""

    def shown(self, root: Path) -> str:
        """Return the place as messages name it."""
        return ", ".join([shown_below(self.path, root), *(f"file {number}" for number in self.inside)])


def look_into(
    archive: Path, keywords: Iterable[str], opening: Opening
) -> Iterator[tuple[Place, Attributes | DataError]]:
    """Yield each file of an archive with its attributes, or why it has none; DataError as `members`."""
    wanted = tuple(keywords)
    with closing(files_in(archive, opening)) as found:
        for inside, member in found:
            values = _looked_at(member, wanted)
            if member is values or not isinstance(values, LockedError):  # else it is told of its archive
                yield Place(archive, inside), values


def attributes_at(place: Place, keywords: Iterable[str], opening: Opening) -> Attributes:
    """Return single attributes of a file wherever it lies; DataError where it is not DICOM any more."""
    if not place.inside:
        return read_attributes(place.path, keywords)
    with closing(files_in(place.path, opening, _on_the_way([place.inside]))) as found:
        for inside, member in found:
            if inside == place.inside and isinstance(member, Member):
                return _attributes(member, tuple(keywords))
    raise DataError(f"{place.path.name} has changed: a file is missing in it")


def take_out(archive: Path, targets: Mapping[Inside, Path], opening: Opening) -> Iterator[Inside]:
    """Write members to new files of ours, in one pass; yields the place of each that is whole.

    DataError where the archive breaks off, or some of them are not whole; those are removed.
    """
    left = set(targets)
    with closing(files_in(archive, opening, _on_the_way(targets))) as found:
        for inside, member in found:
            if inside in left and isinstance(member, Member) and _is_written(member, targets[inside]):
                left.discard(inside)
                yield inside
            if not left:
                return
    raise DataError(f"{archive.name} is damaged or has changed: files are missing in it")


def _is_written(member: Member, target: Path) -> bool:
    """Return whether a member could be written; those after one that is damaged may be whole."""
    try:
        write_private(member.data, target)
    except DataError:
        return False
    return True


def _on_the_way(wanted: Iterable[Inside]) -> Callable[[Inside], bool]:
    """Return which inner archives hold what is wanted."""
    above = {inside[:depth] for inside in wanted for depth in range(1, len(inside))}
    return above.__contains__


def _looked_at(member: Member | DataError, keywords: tuple[str, ...]) -> Attributes | DataError:
    if isinstance(member, DataError):
        return member
    try:
        return _attributes(member, keywords)
    except DataError as error:
        return error


def _attributes(member: Member, keywords: tuple[str, ...]) -> Attributes:
    """Return attributes from the beginning of a member, read as far as it takes."""
    head = _read(member.data, _FIRST_LOOK)
    if head[128:132] != b"DICM":
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

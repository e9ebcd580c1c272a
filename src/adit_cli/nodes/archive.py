"""Read zip, tar and 7z archives member by member.

Nothing is unpacked here and no name in an archive becomes a path. An archive that would grow beyond
all measure is refused before or while it is read.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from adit_cli.errors import DataError
from adit_cli.nodes import sevenzip
from adit_cli.nodes.measure import Measure, locked, too_large
from adit_cli.nodes.storage import BLOCK, Readable

_LONGEST_HEADER = 1 << 26
_ENCRYPTED = 0x1

_DAMAGE = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, NotImplementedError),
    *(ValueError, LookupError, ArithmeticError, struct.error),
)
"""What the readers raise; those of the second line come of names, lengths and offsets they do not check."""

_TAR = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
SUFFIXES = (".zip", ".7z", *_TAR)


@dataclass(frozen=True, slots=True)
class Member:
    """One file in an archive; `data` can be read until the next member is asked for."""

    number: int
    """Its place among the files of the archive, counted from 1."""
    name: str
    """As the archive has it: not to be trusted, never a path."""
    data: Readable


def is_archive(path: Path) -> bool:
    """Return whether a file is named like an archive that can be read."""
    return path.name.lower().endswith(SUFFIXES)


def archive_ending(name: str) -> str:
    """Return the ending that makes a name that of an archive; nothing where none does."""
    return next((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), "")


def members(path: Path, password: str = "", measure: Measure | None = None) -> Generator[Member]:
    """Yield the files in an archive in its order; DataError where it is damaged or too large.

    LockedError where it is encrypted, and not with this password. One that isn't needs none.
    """
    name = path.name.lower()
    measure = measure or Measure(path)
    if name.endswith(".7z"):
        found = _through_program(path, "7z", password, measure)
    elif name.endswith(".zip"):
        found = _in_zip(path, password, measure)
    else:
        found = _in_tar(path, measure)
    with _damage(path):
        for number, (inner, data) in enumerate(found, start=1):
            yield Member(number, inner, _Guarded(path, data))


class _Guarded:
    """A member's bytes, with what the many readers raise turned into our words."""

    def __init__(self, path: Path, data: Readable) -> None:
        self._path = path
        self._data = data

    def read(self, size: int, /) -> bytes:
        with _damage(self._path):
            return self._data.read(size)


@contextmanager
def _damage(path: Path) -> Generator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise DataError(f"{path.name} is damaged, or packed in a way that cannot be read") from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise DataError(f"{path.name} is damaged") from error


def _in_zip(path: Path, password: str, measure: Measure) -> Generator[tuple[str, Readable]]:
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
        if any(info.flag_bits & _ENCRYPTED for info in infos):
            if not password:
                raise locked(path, "is encrypted")
            yield from _through_program(path, "zip", password, measure)
            return
        _take(measure, path, [info.file_size for info in infos])
        for info in infos:
            if info.is_dir():
                continue
            with archive.open(info) as data:
                yield info.filename, data


def _through_program(
    path: Path, kind: sevenzip.Kind, password: str, measure: Measure
) -> Generator[tuple[str, Readable]]:
    listed = sevenzip.entries(path, kind, password)
    if not password and any(entry.encrypted for entry in listed):
        raise locked(path, "is encrypted")
    _take(measure, path, [entry.size for entry in listed])
    for entry, data in sevenzip.stream(path, kind, listed, password):
        if entry.regular:
            yield entry.name, data


def _take(measure: Measure, path: Path, sizes: Sequence[int]) -> None:
    measure.take(path, sum(sizes), len(sizes))


def _in_tar(path: Path, measure: Measure) -> Generator[tuple[str, Readable]]:
    with _decompressed(path) as raw:
        forward = _Forward(path, raw, measure)
        with tarfile.open(fileobj=cast("IO[bytes]", forward), mode="r:") as archive:
            for info in archive:
                measure.take(path, 0, 1)
                data = archive.extractfile(info) if info.isreg() and not info.issparse() else None
                if data is not None:
                    yield info.name, data
        forward.end()


@contextmanager
def _decompressed(path: Path) -> Generator[Readable]:
    name = path.name.lower()
    if name.endswith("gz"):
        with gzip.open(path) as gzipped:
            yield gzipped
    elif name.endswith("bz2"):
        with bz2.open(path) as bzipped:
            yield bzipped
    elif name.endswith("xz"):
        with lzma.open(path) as xzipped:
            yield xzipped
    else:
        with path.open("rb") as plain:
            yield plain


class _Forward:
    """A stream that tarfile can only follow onwards, and that ends before it grows beyond measure.

    Decompressors would start again from the beginning for every step back.
    """

    def __init__(self, path: Path, raw: Readable, measure: Measure) -> None:
        self._path = path
        self._raw = raw
        self._at = 0
        self._measure = measure
        self._last = b""

    def read(self, size: int, /) -> bytes:
        if size < 0 or size > _LONGEST_HEADER:
            raise too_large(self._path)
        block = self._raw.read(size)
        self._at += len(block)
        self._last = block
        self._measure.take(self._path, len(block))
        return block

    def end(self) -> None:
        """Read on to the end, where gzip has its checksum, after what tarfile took for the end.

        It takes a damaged header, or none, for one: then what lies behind would be missed without a word.
        """
        if self._last != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError("no mark of the end")
        while self.read(BLOCK):
            pass

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, position: int) -> int:
        if position < self._at:
            raise tarfile.ReadError("would go back")
        while self._at < position and self.read(min(position - self._at, 1 << 20)):
            pass
        return self._at

"""Files and folders that only their owner can read, safe on the disk when we say so."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from adit_cli.errors import AditError, DiskFullError, NodeError

PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600
BLOCK = 1024 * 1024

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_LINKS = frozenset({errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EACCES, errno.EOPNOTSUPP, errno.ENOSYS})
_FLUSHERS = 8
_BESIDE, _BATCH, _MOST_WAITING = 2, 8, 16
_PART = re.compile(r"\.(\d+)-.+\.part")


class Readable(Protocol):
    """What can be read piece by piece."""

    def read(self, size: int, /) -> bytes:
        """Return up to so many bytes, none at the end."""
        ...


@contextmanager
def storage_errors(place: str, kind: type[AditError] = NodeError) -> Generator[None]:
    """Turn what the operating system says of a disk into words; `place` never names a patient."""
    try:
        with room_at(place):
            yield
    except OSError as error:
        raise kind(f"{place}: {error.strerror or error}", hint=_hint(error)) from error


@contextmanager
def room_at(place: str) -> Generator[None]:
    """Turn only what is said of a disk that is full into words, and let other errors be."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise DiskFullError(f"{place}: no space left", hint="free some space and run again") from error


def _hint(error: OSError) -> str:
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return "check who owns the folder and whether it may be written"
    if error.errno in {errno.ENOENT, errno.ENOTDIR}:
        return "check the path"
    return ""


def make_private(folder: Path) -> None:
    """Make a folder and its missing parents, each for its owner only, whatever the umask."""
    if folder.is_dir():
        return
    make_private(folder.parent)
    folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)


def link_or_copy(source: Path, target: Path) -> None:
    """Make `target` the same file, or a copy where the disk has no hard links; never over another file.

    It is there whole or not at all, whenever we are stopped.
    """
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _copy_whole(source, target)


def _copy_whole(source: Path, target: Path) -> None:
    if target.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    part = part_in(target.parent, target.stem)
    part.unlink(missing_ok=True)
    copy_private(source, part)
    part.rename(target)


def part_in(folder: Path, name: str) -> Path:
    """Return where a file is written before it is whole: hidden, and never where another process writes."""
    return folder / f".{os.getpid()}-{name}.part"


def is_unfinished(name: str) -> bool:
    """Return whether a file is one that we have not finished, or a note of ours on a folder: no image."""
    return name.startswith(".adit-") or _PART.fullmatch(name) is not None


def sweep_parts(folder: Path) -> None:
    """Remove what processes that were killed left half-written, before we write anything there ourselves.

    One of our own number is from before: in a container, each run may have the same.
    """
    for path in folder.glob(".*.part"):
        found = _PART.fullmatch(path.name)
        if found and (int(found[1]) == os.getpid() or not is_running(int(found[1]))):
            path.unlink(missing_ok=True)


def is_running(process: int) -> bool:
    """Return whether a process of this machine has not ended."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def copy_private(source: Path, target: Path) -> None:
    """Copy the bytes of a file into a new one that only its owner can read; nothing is left of a part."""
    with source.open("rb") as data:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
        try:
            with os.fdopen(descriptor, "wb") as output:
                shutil.copyfileobj(data, output, BLOCK)
        except BaseException:
            target.unlink()
            raise


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


def take_private(source: Path, target: Path, *, spooled: bool) -> None:
    """Bring a file into a folder of ours: by a link where it is only ours, else as a copy.

    A file of someone else's, and one with several names (in a source folder, too), may not be shared:
    a link to it would hand on its permissions and every later change.
    """
    if not spooled or source.stat().st_nlink > 1:
        copy_private(source, target)
        return
    link_or_copy(source, target)
    target.chmod(PRIVATE_FILE)


def same_content(one: Path, other: Path) -> bool:
    """Return whether two files hold the same bytes; memory does not grow with their size."""
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as a, other.open("rb") as b:
        while block := a.read(BLOCK):
            if block != b.read(len(block)):
                return False
    return True


def flush(paths: Iterable[Path]) -> None:
    """Wait until files and folders are on the disk itself; several at once share a journal commit."""
    with ThreadPoolExecutor(_FLUSHERS) as pool:
        for _ in pool.map(_flush, paths):
            pass


class Flusher:
    """Brings files to the disk itself while others are being written. Errors are OSError, sooner or later.

    A few at a time, by few threads: whoever brings the files must not wait for these at each one.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_BESIDE)
        self._batch: list[Path] = []
        self._waiting: deque[Future[None]] = deque()

    def put(self, path: Path) -> None:
        """Have a file flushed; waits where the disk does not keep up."""
        self._batch.append(path)
        if len(self._batch) >= _BATCH:
            self._begin()
            while len(self._waiting) > _MOST_WAITING:
                self._waiting.popleft().result()

    def close(self, *, wait: bool) -> None:
        """Be done with all of them, or let go of those that have not begun."""
        if wait:
            self._begin()
        self._pool.shutdown(cancel_futures=not wait)
        if wait:
            for flushed in self._waiting:
                flushed.result()

    def _begin(self) -> None:
        batch, self._batch = self._batch, []
        self._waiting.append(self._pool.submit(_flush_each, batch))


def _flush_each(paths: list[Path]) -> None:
    for path in paths:
        _flush(path)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

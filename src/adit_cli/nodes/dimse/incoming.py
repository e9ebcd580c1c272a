"""A data set on its way from the socket to a file: whole under its final name, or not there at all."""

from __future__ import annotations

import os
import re
from pathlib import Path

from adit_cli.errors import AditError, UsageError
from adit_cli.nodes.storage import PRIVATE_FILE, storage_errors

HEAD = 1 << 16
"""How much of a file is looked at first: mostly all that is asked of it stands there."""
_UID = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_LONGEST_UID = 64
_MOST_PARTS = 512


def is_valid_uid(uid: str) -> bool:
    """Return whether a UID may become a file name: digits and single dots, at most 64 (PS3.5 §9.1).

    Leading zeros are forbidden there and met in archives; they do no harm here.
    """
    return len(uid) <= _LONGEST_UID and _UID.fullmatch(uid) is not None


class IncomingFile:
    """A sink that writes the parts of a data set behind a Part-10 header, without joining them."""

    def __init__(self, part: Path, header: bytes) -> None:
        self.part = part
        self.size = 0
        self._parts: list[bytes | memoryview] = [header]
        self._is_committed = False
        with storage_errors(str(part.parent), UsageError):
            self._fd = os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, PRIVATE_FILE)

    def take(self, part: memoryview) -> None:
        """Note a part."""
        self._parts.append(part)
        if len(self._parts) >= _MOST_PARTS:
            self.flush()

    def flush(self) -> None:
        """Write the parts noted so far."""
        parts, self._parts = self._parts, []
        with storage_errors(str(self.part.parent), UsageError):
            while parts:
                written = os.writev(self._fd, parts)
                self.size += written
                parts = _behind(parts, written)

    def head(self) -> bytes:
        """Return the first bytes of what was flushed."""
        with storage_errors(str(self.part.parent), UsageError):
            return os.pread(self._fd, HEAD, 0)

    def commit(self, final: Path, *, sync: bool = False) -> None:
        """Make the file appear under its final name; with `sync` it survives a power failure from now on."""
        try:
            self.flush()
            with storage_errors(str(self.part.parent), UsageError):  # the final folder may name a patient
                if sync:
                    os.fsync(self._fd)
                self._close()
                self.part.rename(final)
                self._is_committed = True
                if sync:
                    sync_folder(final.parent)
        except AditError:
            self.discard()
            raise

    def discard(self) -> None:
        """Leave nothing behind of a file that was not committed."""
        self._parts = []
        self._close()
        if not self._is_committed:
            self.part.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _behind(parts: list[bytes | memoryview], written: int) -> list[bytes | memoryview]:
    """Return what a short write left over; mostly nothing."""
    rest: list[bytes | memoryview] = []
    for part in parts:
        if written >= len(part):
            written -= len(part)
        else:
            rest.append(memoryview(part)[written:])
            written = 0
    return rest

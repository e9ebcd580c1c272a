"""The folder that `adit get` brings a study into: its files are the user's own, and safe when it is done.

Files are synced to the disk while others still arrive. Until all are, a mark says since which start of the
machine they came. When it has started again since, what came under the mark is in doubt: it is fetched again,
and written over by what comes, never removed before.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from adit_cli.errors import UsageError
from adit_cli.nodes.base import Arrival, OnArrival
from adit_cli.nodes.boot import BootMark
from adit_cli.nodes.layout import safe_name
from adit_cli.nodes.storage import (
    Flusher,
    copy_private,
    flush,
    make_private,
    part_in,
    storage_errors,
    sweep_parts,
)

_ALL = "*.dcm"
_MARK = ".adit-arriving"


class Landing:
    """The folder of one study; nothing is made before something is to arrive."""

    def __init__(self, folder: Path, arrived: OnArrival, *, sync: bool = True) -> None:
        self.folder = folder
        self._sync = sync
        self._told = arrived
        self._mark = BootMark(folder / _MARK)
        self._flusher: Flusher | None = None
        self._uids: set[str] = set()
        self._came_before: list[Path] = []
        self._doubtful: set[str] = set()

    @property
    def arrived(self) -> int:
        """How many instances came, whether once or again."""
        return len(self._uids)

    def has(self, uid: str) -> bool:
        """Return whether an instance is there, and whole."""
        path = self.folder / f"{safe_name(uid)}.dcm"
        return path.exists() and path.name not in self._doubtful

    def is_empty(self) -> bool:
        """Return whether no instance is there."""
        return all(path.name in self._doubtful for path in self.folder.glob(_ALL))

    def doubt_nothing(self) -> None:
        """Take note that all of the source's study is there: a doubtful file that is left is none of it."""
        self._doubtful.clear()

    def open(self) -> None:
        """Make the folder, so that something may arrive."""
        with storage_errors(str(self.folder.parent), UsageError):
            make_private(self.folder)
            sweep_parts(self.folder)
            if not self._mark.path.exists():
                self._mark.set()
                flush([self._mark.path, self.folder])
        if self._sync and self._flusher is None:
            self._flusher = Flusher()

    def take(self, arrival: Arrival) -> None:
        """Count a file that arrived, and tell of it where it is the first of its instance."""
        with storage_errors(str(self.folder), UsageError):
            _make_own(arrival.path)
            self._doubtful.discard(arrival.path.name)
            if self._flusher is not None:
                with self._doubting():
                    self._flusher.put(arrival.path)
        if arrival.uid not in self._uids:
            self._uids.add(arrival.uid)
            self._told(arrival)

    def __enter__(self) -> Self:
        """Look at what is there, and which of it may have lost its last bytes."""
        with storage_errors(str(self.folder), UsageError), suppress(FileNotFoundError):
            began = self._mark.path.stat().st_mtime_ns
            since = [path for path in self.folder.glob(_ALL) if path.stat().st_mtime_ns >= began]
            if self._mark.is_of_this_boot():
                self._came_before = since
            else:
                self._doubtful = {path.name for path in since}
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        """Wait until all of it is on the disk, if so wanted; the mark stays where it is not."""
        with storage_errors(str(self.folder), UsageError), self._doubting():
            if self._flusher is not None:
                self._flusher.close(wait=kind is None)
            if kind is None and not self._doubtful:
                self._settle()

    @contextmanager
    def _doubting(self) -> Generator[None]:
        """Have all fetched again of which something did not reach the disk: that is told only once."""
        try:
            yield
        except OSError:
            if self._mark.path.exists():
                self._mark.void()
            raise

    def _settle(self) -> None:
        is_marked = self._mark.path.exists()
        if not self._sync:
            if is_marked and not self._mark.is_of_this_boot():
                self._mark.renew()
        elif is_marked or self._flusher is not None:
            flush(self._came_before)
            flush([self.folder, self.folder.parent])
            self._mark.path.unlink(missing_ok=True)


def _make_own(path: Path) -> None:
    """Replace a link to a source folder's file by a copy: what is fetched may be changed freely."""
    if path.stat().st_nlink > 1:
        copy = part_in(path.parent, path.stem)
        copy_private(path, copy)
        copy.rename(path)

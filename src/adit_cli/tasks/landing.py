"""The folder that `adit get` brings a study into: its files are the user's own, and safe when it is done.

Files are synced to the disk while others still arrive. Until all are, a mark says since which start of the
machine they came: when it has started again since, what came under it is fetched again.
"""

from __future__ import annotations

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

    @property
    def arrived(self) -> int:
        """How many instances came, whether once or again."""
        return len(self._uids)

    def has(self, uid: str) -> bool:
        """Return whether an instance is there."""
        return (self.folder / f"{safe_name(uid)}.dcm").exists()

    def is_empty(self) -> bool:
        """Return whether no instance is there."""
        return not any(self.folder.glob(_ALL))

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
            if self._flusher is not None:
                self._flusher.put(arrival.path)
        if arrival.uid not in self._uids:
            self._uids.add(arrival.uid)
            self._told(arrival)

    def __enter__(self) -> Self:
        """Look at what is there; what may have lost its last bytes is removed."""
        with storage_errors(str(self.folder), UsageError):
            if self._mark.path.exists():
                began = self._mark.path.stat().st_mtime_ns
                self._came_before = [
                    path for path in self.folder.glob(_ALL) if path.stat().st_mtime_ns >= began
                ]
                if not self._mark.is_of_this_boot():
                    self._forget()
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        """Wait until all of it is on the disk, if so wanted; the mark stays where it is not."""
        if not self._sync or (self._flusher is None and not self._came_before):
            return
        with storage_errors(str(self.folder), UsageError):
            if self._flusher is not None:
                self._flusher.close(wait=kind is None)
            if kind is None:
                flush(self._came_before)
                flush([self.folder, self.folder.parent])
                self._mark.path.unlink(missing_ok=True)

    def _forget(self) -> None:
        for path in self._came_before:
            path.unlink()
        self._came_before = []
        self._mark.path.unlink()


def _make_own(path: Path) -> None:
    """Replace a link to a source folder's file by a copy: what is fetched may be changed freely."""
    if path.stat().st_nlink > 1:
        copy = part_in(path.parent, path.stem)
        copy_private(path, copy)
        copy.rename(path)

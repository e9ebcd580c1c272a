"""The spool folder of one task: what arrived, and what may leave. It outlives an attempt, not the task.

`arriving/` is the source's; a file that is whole is claimed into `in/` at once, so that a second one of
the same instance cannot take its place unseen. `out/` holds what is ready to be delivered. Both are named
by the original SOP Instance UID. `taken-*` says what each destination has of it. Nothing is flushed: when
the machine has started again since, as `boot` tells, a file may be there without all of its bytes, and the
spool is fetched again.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from adit_cli.nodes.boot import BootMark
from adit_cli.nodes.layout import safe_name
from adit_cli.nodes.storage import make_private

SUFFIX = ".dcm"
_PART = ".part"
_AGAIN = ".again"


class TaskSpool:
    """One task's folder below the job's spool."""

    def __init__(self, spool: Path, task_key: str) -> None:
        self.folder = spool / task_key
        self.arriving = self.folder / "arriving"
        self._in = self.folder / "in"
        self._out = self.folder / "out"
        self._boot = BootMark(self.folder / "boot")

    def open(self) -> None:
        """Make the folders and clear what was left half-written when a process or the machine stopped."""
        if not self._boot.is_of_this_boot():
            self.remove()
        for folder in (self.arriving, self._in, self._out):
            make_private(folder)
        half = (*self.arriving.iterdir(), *self._out.glob(f"*{_PART}"), *self._in.glob(f"*{_AGAIN}"))
        for left in half:
            left.unlink()
        self._boot.set()

    def claim(self, path: Path, uid: str) -> Path:
        """Take a file that has just arrived; one whose instance arrived before is put beside it."""
        place = self.waiting(uid)
        if place.exists() or self.ready(uid).exists():
            place = place.with_suffix(_AGAIN)
        return path.rename(place)

    def waiting(self, uid: str) -> Path:
        """Return where an instance that arrived waits to be prepared; kept there when it may not leave."""
        return self._in / _name(uid)

    def ready(self, uid: str) -> Path:
        """Return where an instance that may leave lies."""
        return self._out / _name(uid)

    def part(self, uid: str) -> Path:
        """Return where an instance is written before it is ready."""
        return self._out / f"{_name(uid)}{_PART}"

    def receipts(self, destination: str) -> Path:
        """Return where it is written what a destination has taken."""
        return self.folder / f"taken-{hashlib.sha256(destination.encode()).hexdigest()[:16]}"

    def left_waiting(self) -> list[Path]:
        """Return the whole files of an earlier attempt that wait to be prepared."""
        return sorted(self._in.glob(f"*{SUFFIX}"))

    def left_ready(self) -> list[Path]:
        """Return the files of an earlier attempt that may leave."""
        return sorted(self._out.glob(f"*{SUFFIX}"))

    def remove(self) -> None:
        """Remove all of it."""
        shutil.rmtree(self.folder, ignore_errors=True)


def remove_spool(spool: Path, task_key: str) -> None:
    """Remove what a task that has ended left in the spool."""
    TaskSpool(spool, task_key).remove()


def _name(uid: str) -> str:
    return safe_name(uid) + SUFFIX

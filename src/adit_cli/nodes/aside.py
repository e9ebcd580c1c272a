"""The corner of a destination folder where studies wait until they are whole.

`<root>/.adit-staging/<task key>/` belongs to the process that holds the lock in it; what nobody holds
was left by a run that was killed, and the next one to come by removes it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from adit_cli.errors import TransientNodeError
from adit_cli.nodes.storage import PRIVATE_FILE, make_private

STAGING = ".adit-staging"
_LOCK = "lock"


class Aside:
    """A staging folder of one task, held until it is closed."""

    def __init__(self, root: Path, task_key: str) -> None:
        self._corner = root / STAGING
        self.folder = self._corner / task_key
        with _alone(self._corner):
            _sweep(self._corner)
            if self.folder.exists():
                raise TransientNodeError(f"another process delivers task {task_key} into this folder")
            make_private(self.folder)
            self._lock: int | None = _locked(self.folder / _LOCK)

    def close(self) -> None:
        """Remove the folder, and the whole corner when it was the last; a second time does nothing."""
        if self._lock is None:
            return
        with _alone(self._corner):
            shutil.rmtree(self.folder, ignore_errors=True)
            os.close(self._lock)
            self._lock = None
            if [entry.name for entry in self._corner.iterdir()] == [_LOCK]:
                (self._corner / _LOCK).unlink()
                self._corner.rmdir()


def _sweep(corner: Path) -> None:
    with os.scandir(corner) as entries:
        left = [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    for folder in left:
        held = _locked(folder / _LOCK)
        if held is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(held)


@contextmanager
def _alone(corner: Path) -> Generator[None]:
    """Let one process at a time change who stages what."""
    while True:
        make_private(corner)
        with suppress(FileNotFoundError):
            descriptor = os.open(corner / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _still_there(descriptor, corner / _LOCK):
                break
            os.close(descriptor)
    try:
        yield
    finally:
        os.close(descriptor)


def _still_there(descriptor: int, path: Path) -> bool:
    """Return whether the lock is that of the folder as it is now; the last to leave removes both."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _locked(path: Path) -> int | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor

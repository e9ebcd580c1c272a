"""Where C-MOVE results land: `<inbox>/<StudyInstanceUID>/<SOPInstanceUID>.dcm`, shared by a machine's jobs.

What belongs to whom is said by locked files, which the operating system frees when their owner dies: one
receiver serves the inbox, whoever needs it to be served uses it, and one at a time moves a study into it.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from adit_cli.errors import NodeError, UsageError
from adit_cli.nodes.dimse.incoming import is_valid_uid
from adit_cli.nodes.storage import PRIVATE_FILE, make_private, storage_errors

PAUSE = 0.05
_LONGEST_LOG = 1 << 16
_KEPT = b"\n"
"""The least that is in the log of a receiver: its block of the disk is where a full disk is told of."""
_REFUSED = re.compile(r"(\d+\.\d+)\t(\d+)\t(.*)")


@dataclass(frozen=True, slots=True)
class Served:
    """The receiver that serves an inbox."""

    ae_title: str
    port: int
    pid: int


@dataclass(frozen=True, slots=True)
class Refused:
    """What a receiver did not take: a caller, or with a status an instance."""

    text: str
    status: int = 0


class Lock:
    """A file that is locked until it is closed or the process ends."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def close(self) -> None:
        """Unlock; a second time does nothing."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


class Inbox:
    """The folder, as its receiver and those who wait for studies see it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._moving = folder / ".moving"
        self._receiver = folder / ".receiver"
        self._users = folder / ".users"
        self._log = folder / ".refused"

    def prepare(self) -> None:
        """Make the folder; UsageError where that is not possible."""
        with storage_errors(str(self.folder), UsageError):
            make_private(self._moving)

    def served(self) -> Served | None:
        """Return who serves the inbox; one that is only starting is waited for."""
        while (lock := self._try(self._receiver, fcntl.LOCK_SH)) is None:
            said = self._receiver.read_text("utf-8")
            if said.endswith("\n"):
                return Served(**json.loads(said))
            time.sleep(PAUSE)
        lock.close()
        return None

    def serve(self) -> Lock | None:
        """Become the one that serves the inbox; None where another one does."""
        self.prepare()
        while (lock := self._try(self._receiver, fcntl.LOCK_EX)) is None:
            if self.served() is not None:
                return None
        os.ftruncate(lock.descriptor, 0)
        with self._opened_log() as log:
            os.write(log, _KEPT)
        self.sweep()
        return lock

    def announce(self, lock: Lock, served: Served) -> None:
        """Say that the receiver is ready."""
        os.pwrite(lock.descriptor, json.dumps(asdict(served)).encode() + b"\n", 0)

    def use(self) -> Lock:
        """Keep a receiver that was started for jobs from ending; waits for one that is ending."""
        self.prepare()
        return self._wait(self._users, fcntl.LOCK_SH)

    def until_unused(self) -> Lock:
        """Wait until nobody uses the inbox, and let nobody begin to before the lock is closed."""
        return self._wait(self._users, fcntl.LOCK_EX)

    @contextmanager
    def expecting(self, study_uid: str, caller: str) -> Generator[Path]:
        """Yield the folder that a study lands in; one who moves the same study meanwhile is waited for.

        `caller` is who is asked to send it, and may therefore call. What nobody took is removed.
        """
        if not is_valid_uid(study_uid):
            raise NodeError("The study's UID is none, so nothing could be received under it.")
        path, landing = self._moving / study_uid, self.folder / study_uid
        lock = self._wait(path, fcntl.LOCK_EX)
        try:
            with storage_errors(str(self.folder), UsageError):
                os.ftruncate(lock.descriptor, 0)
                os.pwrite(lock.descriptor, caller.encode(), 0)
                _empty(landing)
                make_private(landing)
            yield landing
        finally:
            path.unlink(missing_ok=True)
            lock.close()
            _empty(landing)

    def expects(self, study_uid: str) -> bool:
        """Return whether somebody is waiting for a study."""
        try:
            lock = self._try(self._moving / study_uid, fcntl.LOCK_SH, make=False)
        except FileNotFoundError:
            return False
        if lock is None:
            return True
        lock.close()
        return False

    def asked(self) -> list[str]:
        """Return who is being asked to send something."""
        waiting = [path for path in _entries(self._moving) if self.expects(path.name)]
        return [caller for path in waiting if (caller := _text(path))]

    def sweep(self) -> None:
        """Remove what arrived for those who died before they took it."""
        for study in _entries(self.folder):
            if study.name.startswith(".") or not study.is_dir():
                continue
            lock = self._try(self._moving / study.name, fcntl.LOCK_EX)
            if lock is not None:
                _empty(study)
                (self._moving / study.name).unlink(missing_ok=True)
                lock.close()

    def note_refused(self, refused: Refused) -> None:
        """Remember what was refused, for whoever waits for it; only the last ones are kept."""
        line = f"{time.time():.3f}\t{refused.status}\t{refused.text}\n".encode()
        with self._opened_log() as log:
            if os.fstat(log).st_size > _LONGEST_LOG or not _appended(log, line):
                os.ftruncate(log, len(_KEPT))
                _appended(log, line)

    def refused_since(self, when: float) -> list[Refused]:
        """Return what was refused since then, each once."""
        lines = (_REFUSED.fullmatch(line) for line in _text(self._log).split("\n"))
        said = [Refused(found[3], int(found[2])) for found in lines if found and float(found[1]) >= when]
        return list(dict.fromkeys(said))

    @contextmanager
    def _opened_log(self) -> Generator[int]:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        descriptor = os.open(self._log, flags, PRIVATE_FILE)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _wait(self, path: Path, how: int) -> Lock:
        """Return a lock of a file that is still there: whoever had it may have removed it."""
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
            fcntl.flock(descriptor, how)
            if _is_still(path, descriptor):
                return Lock(descriptor)
            os.close(descriptor)

    def _try(self, path: Path, how: int, *, make: bool = True) -> Lock | None:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if make else 0), PRIVATE_FILE)
        try:
            fcntl.flock(descriptor, how | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return Lock(descriptor)


def _appended(log: int, line: bytes) -> bool:
    """Return whether there was room for a line."""
    try:
        return os.write(log, line) == len(line)
    except OSError:
        return False


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return path.stat().st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        return False


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except FileNotFoundError:
        return ""

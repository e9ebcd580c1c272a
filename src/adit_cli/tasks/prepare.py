"""Make files ready to leave while others still arrive: de-identify each, and hand it to every destination."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from adit_cli.deid.files import deidentify_file
from adit_cli.deid.profile import Profile
from adit_cli.dicom.files import read_file_meta
from adit_cli.errors import DataError, DeidError
from adit_cli.nodes.base import FailedInstance, Ready
from adit_cli.nodes.storage import same_content, storage_errors
from adit_cli.tasks.evidence import Notes
from adit_cli.tasks.lane import Lane
from adit_cli.tasks.ledger import Ledger
from adit_cli.tasks.queue import BoundedQueue
from adit_cli.tasks.spool import TaskSpool

DEPTH = 64
"""Files that may wait to be prepared; more would only fill the spool."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """What is done to each file of a task; without a profile nothing is."""

    spool: TaskSpool
    profile: Profile | None
    pseudonym: str
    notes: Notes | None = None

    def make(self, uid: str, path: Path) -> Ready:
        """Put an instance that arrived where it may leave from; DeidError or DataError where it may not."""
        ready = self.spool.ready(uid)
        if self.profile is None:
            read_file_meta(path)
            return ready_file(path.rename(ready))
        part = self.spool.part(uid)
        done = deidentify_file(path, part, self.profile, self.pseudonym, noting=self.notes is not None)
        if self.notes and done.replaced:
            self.notes.add(uid, done.replaced)
        part.rename(ready)
        path.unlink()
        uids = (done.sop_instance_uid, done.sop_class_uid, done.transfer_syntax_uid)
        return Ready(ready, *uids, done.size, spooled=True)

    def same(self, uid: str, again: Path) -> bool:
        """Return whether a second file of an instance says the same as the first, as far as that is left."""
        waiting, ready = self.spool.waiting(uid), self.spool.ready(uid)
        if waiting.exists():
            return same_content(waiting, again)
        if self.profile is None:
            return same_content(ready, again)
        part = self.spool.part(uid)
        try:
            deidentify_file(again, part, self.profile, self.pseudonym)
            return same_content(ready, part)
        except (DeidError, DataError):
            return False
        finally:
            part.unlink(missing_ok=True)


def ready_file(path: Path) -> Ready:
    """Return a file that may leave, as its header describes it."""
    meta = read_file_meta(path)
    uids = (meta.sop_instance_uid, meta.sop_class_uid, meta.transfer_syntax_uid)
    return Ready(path, *uids, path.stat().st_size, spooled=True)


class Preparer:
    """The thread between what arrives and what leaves. An error ends it, and it then only drains."""

    def __init__(self, preparation: Preparation, ledger: Ledger, lanes: Sequence[Lane]) -> None:
        self.error: BaseException | None = None
        self._preparation = preparation
        self._ledger = ledger
        self._lanes = lanes
        self._queue: BoundedQueue[tuple[str, Path] | None] = BoundedQueue(DEPTH)
        self._thread = Thread(target=self._run, name="prepare", daemon=True)
        self._thread.start()

    def put(self, uid: str, path: Path) -> None:
        """Queue a file that arrived; waits while the destinations are behind."""
        self._queue.put((uid, path))

    def drain(self) -> None:
        """Wait until everything queued is ready or withheld, and handed on."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    def stop(self, error: BaseException) -> None:
        """Make nothing ready any more."""
        self.error = self.error or error

    def hand_on(self, uid: str, ready: Ready) -> None:
        """Give a file that may leave to every destination."""
        self._ledger.ready[uid] = ready
        for lane in self._lanes:
            lane.put(ready)

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            if self.error is None:
                self._guarded(*item)

    def _guarded(self, uid: str, path: Path) -> None:
        try:
            with storage_errors("the spool folder"):
                self._take(uid, path)
        except Exception as error:  # noqa: BLE001 - carried to the main thread, which raises what is a bug
            self.error = error

    def _take(self, uid: str, path: Path) -> None:
        if path != self._preparation.spool.waiting(uid):
            if not self._preparation.same(uid, path):
                self._ledger.differing[uid] = None
            path.unlink()
            return
        try:
            ready = self._preparation.make(uid, path)
        except (DeidError, DataError) as error:
            self._ledger.withheld[uid] = FailedInstance(uid, error.reason, error.message)
            return
        self.hand_on(uid, ready)

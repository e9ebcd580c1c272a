"""How much of a node may be used at once, by all jobs and workers of this machine together.

A slot is a locked file, so whoever crashes gives it back: the operating system drops the lock.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import random
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from adit_cli.errors import Reason, TransientNodeError

FIRST_PAUSE = 0.01
LONGEST_PAUSE = 0.25


def shared_place(folder: Path, address: str) -> Path:
    """Return the folder of what the jobs of this machine share about one node."""
    return folder / hashlib.sha256(address.encode()).hexdigest()[:16]


class Slot:
    """One of a node's slots, held until it is closed or the process ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def close(self) -> None:
        """Give the slot back; a second time does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class NodeSlots:
    """The slots of one node, as files `<folder>/<hash of its address>/<number>`."""

    def __init__(self, folder: Path, address: str, limit: int) -> None:
        self.address = address
        self.limit = limit
        self._folder = shared_place(folder, address)

    def acquire(self, timeout: float | None = None) -> Slot:
        """Take a slot, waiting for one up to `timeout` seconds; None waits as long as it takes."""
        deadline = None if timeout is None else time.monotonic() + timeout
        pause = FIRST_PAUSE
        while (slot := self.try_acquire()) is None:
            if deadline is not None and time.monotonic() >= deadline:
                raise TransientNodeError(
                    f"{self.address} is in use: all {self.limit} associations that its limit allows",
                    hint="wait for the other tasks and jobs of this machine, or raise limits.associations",
                    reason=Reason.TIMEOUT,
                )
            time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not cryptography
            pause = min(2 * pause, LONGEST_PAUSE)
        return slot

    def try_acquire(self) -> Slot | None:
        """Take a slot if one is free now."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for number in range(self.limit):
            descriptor = os.open(self._folder / str(number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if _locked(descriptor):
                return Slot(descriptor)
            os.close(descriptor)
        return None

    @contextmanager
    def hold(self, timeout: float | None = None) -> Generator[None]:
        """Hold a slot for the `with` block."""
        slot = self.acquire(timeout)
        try:
            yield
        finally:
            slot.close()


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

"""One run per job at a time, held by a file lock that ends with the process, however it ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager

from adit_cli.engine.folders import JobFolder
from adit_cli.errors import StateError

PATIENCE = 0.2
"""Seconds to wait for someone who only looks: `holder` takes the lock for a moment."""


@contextmanager
def exclusive(folder: JobFolder, job: str) -> Generator[None]:
    """Be the only run of this job for the `with` block; refuse when another one lives."""
    descriptor = os.open(folder.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _take(descriptor, job)
        yield
    finally:
        os.close(descriptor)


def holder(folder: JobFolder) -> int | None:
    """Return the process that runs this job now; None when none does, 0 when it did not say yet."""
    try:
        descriptor = os.open(folder.lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        return None if _locked(descriptor, fcntl.LOCK_SH) else _pid(descriptor)
    finally:
        os.close(descriptor)


def _take(descriptor: int, job: str) -> None:
    give_up = time.monotonic() + PATIENCE
    while not _locked(descriptor, fcntl.LOCK_EX):
        if time.monotonic() > give_up:
            pid = _pid(descriptor)
            raise StateError(
                f"job {job} is being run by {f'process {pid}' if pid else 'another process'}",
                hint=f"wait for it, or stop it with `kill {pid or 'PID'}`; what it has done is kept",
            )
        time.sleep(PATIENCE / 10)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)


def _locked(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _pid(descriptor: int) -> int:
    text = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
    return int(text) if text.isdecimal() else 0

"""A disk that is full, without filling one, and a folder that is closed, also to root."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest


@contextmanager
def at_most(size: int) -> Generator[None]:
    """Let no file grow beyond this size, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def closed_folder(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let nobody look into a folder, whoever runs the test: nothing is closed to root."""
    scandir = os.scandir

    def refusing(path: str | Path | int) -> AbstractContextManager[Iterator[os.DirEntry[str]]]:
        if not isinstance(path, int) and Path(path).resolve() == folder:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)

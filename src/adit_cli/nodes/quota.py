"""How many studies an hour may begin at a node, by all jobs of this machine together.

What has begun is a time in a locked file: a crash gives nothing back, and takes nothing either.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from adit_cli.nodes.limits import shared_place

HOUR = 3600.0
MINUTES = 60
TICK = 0.001
"""More than what is lost where times are added up, so that an hour never has one study too many."""
FILE = "studies"
_TIME = struct.Struct("<d")


def spread(per_hour: int) -> tuple[int, float]:
    """Return how many studies may begin at once after a quiet time, and the seconds between two others.

    A minute's worth may be made up for at once, and the others are further apart by as much: no hour,
    wherever it begins, has more than the limit.
    """
    burst = max(1, per_hour // MINUTES)
    return burst, HOUR / (per_hour - burst + 1) + TICK


def seconds_for(studies: int, per_hour: int) -> float:
    """Return how long it takes at least till the last of so many studies has begun."""
    burst, apart = spread(per_hour)
    return max(0, studies - burst) * apart


class Quota:
    """The studies of one node, as a file `<folder>/<hash of its address>/studies`.

    The file holds when the next study would begin if all had begun evenly (the generic cell rate algorithm).
    """

    def __init__(self, folder: Path, address: str, per_hour: int) -> None:
        burst, self._apart = spread(per_hour)
        self._ahead = (burst - 1) * self._apart + TICK / 2
        self._folder = shared_place(folder, address)

    def ready_at(self, now: float) -> float:
        """Return when the next study may begin; a time that is past means at once."""
        with self._opened() as file:
            return self._even(file, now) - self._ahead

    def take(self, now: float) -> bool:
        """Count a study that begins now; return whether it may, else nothing is counted."""
        with self._opened() as file:
            even = self._even(file, now)
            if even - self._ahead > now:
                return False
            _write(file, even + self._apart)
        return True

    def give_back(self) -> None:
        """Count one less: the study that was counted did not begin."""
        with self._opened() as file:
            _write(file, _read(file) - self._apart)

    def _even(self, file: int, now: float) -> float:
        """Return when the next study is due, never further away than it can be: clocks are set back."""
        return max(now, min(_read(file), now + self._ahead + self._apart))

    @contextmanager
    def _opened(self) -> Generator[int]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._folder / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)


def _read(file: int) -> float:
    content = os.pread(file, _TIME.size, 0)
    return _TIME.unpack(content)[0] if len(content) == _TIME.size else 0.0


def _write(file: int, even: float) -> None:
    os.pwrite(file, _TIME.pack(even), 0)

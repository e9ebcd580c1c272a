"""When a run is to stop before its end, and why: signals, a deadline, a closed window, a full disk.

The first signal asks, the second one does not wait any longer. A run that stops can always go on later.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from enum import Enum
from types import FrameType
from typing import Self

GRACE = 10.0
"""Seconds that workers have to reach a safe point; one that is killed loses its unfinished attempt only."""


class Cause(Enum):
    """Why a run stops early, with the exit code of the program."""

    INTERRUPT = ("interrupted", 130)
    TERMINATE = ("terminated", 5)
    TIME = ("out of time", 5)
    WINDOW = ("outside the window", 5)
    DISK_FULL = ("disk full", 7)

    @property
    def exit_code(self) -> int:
        """What the program ends with."""
        return self.value[1]


class Stop:
    """Watches for reasons to stop while it is entered.

    Outside the main thread it sees no signals.
    """

    def __init__(self, stop_after: float | None = None, *, grace: float = GRACE) -> None:
        self.cause: Cause | None = None
        self._deadline = None if stop_after is None else time.monotonic() + stop_after
        self._grace = grace
        self._kill_at = float("inf")
        self._raising = False
        self._exit = ExitStack()

    def __enter__(self) -> Self:
        self._reader, self._writer = os.pipe()
        for descriptor in (self._reader, self._writer):
            os.set_blocking(descriptor, False)
            self._exit.callback(os.close, descriptor)
        if threading.current_thread() is threading.main_thread():
            self._watch_signals()
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    @property
    def requested(self) -> bool:
        """Whether nothing new may start."""
        if self.cause is None and self._deadline is not None and time.monotonic() >= self._deadline:
            self.request(Cause.TIME)
        return self.cause is not None

    @property
    def impatient(self) -> bool:
        """Whether what still runs is to be killed: a second signal came, or the grace is over."""
        return time.monotonic() >= self._kill_at

    def request(self, cause: Cause) -> None:
        """Ask for a stop; asking a second time ends the patience."""
        now = time.monotonic()
        self._kill_at = now + self._grace if self.cause is None else now
        self.cause = self.cause or cause

    def seconds_left(self) -> float | None:
        """Return how long one may wait before looking again, as far as the clock goes."""
        ends = self._kill_at if self.cause is not None else self._deadline
        return None if ends is None else max(0.0, ends - time.monotonic())

    def fileno(self) -> int:
        """Return what becomes readable when a signal came."""
        return self._reader

    def drain(self) -> None:
        """Be waited for again."""
        try:
            os.read(self._reader, 1024)
        except BlockingIOError:
            return

    @contextmanager
    def raising(self) -> Generator[None]:
        """Let a signal raise KeyboardInterrupt in the `with` block, where nobody looks at `requested`."""
        self._raising = True
        try:
            yield
        finally:
            self._raising = False

    def _watch_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            ignored = signal.getsignal(number) is signal.SIG_IGN
            if number is signal.SIGHUP and ignored:  # started by nohup
                continue
            previous = signal.signal(number, self._on_signal)
            self._exit.callback(signal.signal, number, previous)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self.request(Cause.INTERRUPT if number == signal.SIGINT else Cause.TERMINATE)
        if self._raising:
            raise KeyboardInterrupt
        try:
            os.write(self._writer, b".")
        except BlockingIOError:
            return

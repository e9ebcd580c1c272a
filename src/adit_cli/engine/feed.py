"""The parts of a plan, made by a thread while the tasks of earlier ones run.

The thread only asks sources and hands over what it has; state and displays are the main thread's.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TypeAlias

from adit_cli.engine.events import Resolving
from adit_cli.errors import StoppedError
from adit_cli.tasks.planned import Plan

MakeParts: TypeAlias = Callable[["Feed"], Iterator[Plan]]
"""Starts a plan, in the thread; the feed is whom it tells of its progress, and asks when to stop."""
GRACE = 5.0
"""Seconds that a thread has to end once nothing of it is wanted any more; one that hangs is left behind."""


class Feed:
    """Parts of a plan as they come."""

    def __init__(self, make: MakeParts) -> None:
        self.error: Exception | None = None
        self.is_over = False
        self.stopping = threading.Event()
        self._make = make
        self._came: SimpleQueue[Plan | Resolving | None] = SimpleQueue()
        self._wanted = threading.Event()
        self._reader, self._writer = os.pipe()
        for descriptor in (self._reader, self._writer):
            os.set_blocking(descriptor, False)
        self._thread = threading.Thread(target=self._run, name="plan", daemon=True)
        self._thread.start()

    def fileno(self) -> int:
        """Return what becomes readable when something came."""
        return self._reader

    def take(self) -> list[Plan | Resolving]:
        """Return what came since; at the end, `is_over` is true, and `error` says what ended it early."""
        with suppress(BlockingIOError):
            os.read(self._reader, 4096)
        taken: list[Plan | Resolving] = []
        with suppress(Empty):
            while (item := self._came.get_nowait()) is not None:
                taken.append(item)
            self.is_over = True
        return taken

    def ask(self) -> None:
        """Tell that more is wanted."""
        self._wanted.set()

    def end(self) -> None:
        """Want nothing more; what came can still be taken."""
        self.stopping.set()
        self._wanted.set()
        self._thread.join(GRACE)

    def close(self) -> None:
        """End it and forget what came."""
        self.end()
        if not self._thread.is_alive():
            os.close(self._reader)
            os.close(self._writer)

    def tell(self, done: int, total: int | None) -> None:
        """Note how far the plan is; StoppedError where nothing of it is wanted any more."""
        if self.stopping.is_set():
            raise StoppedError("stopped before everything was looked up")
        self._put(Resolving(done, total))

    def until_wanted(self) -> None:
        """Wait until somebody asks for more."""
        self._wanted.wait()
        self._wanted.clear()

    def _run(self) -> None:
        try:
            for part in self._make(self):
                self._put(part)
        except StoppedError:
            return
        except Exception as error:  # noqa: BLE001 - raised in the main thread
            self.error = error
        finally:
            self._put(None)

    def _put(self, item: Plan | Resolving | None) -> None:
        self._came.put(item)
        with suppress(BlockingIOError):  # full: whoever reads is told already
            os.write(self._writer, b".")

"""The parent's side of a worker slot: one spawned process and one pipe, started when there is a task for it.

A pool would break as a whole when one of its processes is killed; a slot loses its own task only.
"""

from __future__ import annotations

import logging
import multiprocessing
import signal
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from adit_cli.engine.rows import Started
from adit_cli.engine.seats import Seat, Seating
from adit_cli.engine.worker import OURS, Message, serve
from adit_cli.errors import Reason
from adit_cli.tasks.task import Outcome, TaskStatus

SPAWN = multiprocessing.get_context("spawn")
SECONDS_TO_END = 5.0


class Slot:
    """One worker, or the place of one."""

    def __init__(self, number: int, seating: Seating) -> None:
        self.number = number
        self.started: Started | None = None
        """The attempt under way; None is idle."""
        self.leaving = False
        """Whether the worker was asked to end; the slot is free again once it has."""
        self._seating = seating
        self._seat: Seat | None = None
        self._process: SpawnProcess | None = None
        self._pipe: Connection | None = None

    @property
    def pipe(self) -> Connection | None:
        """What to wait for; None where no process is."""
        return self._pipe

    @property
    def is_free(self) -> bool:
        """Whether it has no task, and no worker that is about to end."""
        return self.started is None and not self.leaving

    def sit(self) -> bool:
        """Take a seat, unless it has one; return whether there was one."""
        self._seat = self._seat or self._seating()
        return self._seat is not None

    def give(self, started: Started) -> None:
        """Hand over an attempt, to a new process if there is none; OSError if the process is gone."""
        self.started = started
        if self._pipe is None and self._seat is not None:
            self._pipe = self._launch(self._seat)
        if self._pipe is not None:
            self._pipe.send(started.task)

    def receive(self) -> Message:
        """Return the next message; EOFError or OSError if the process is gone."""
        if self._pipe is None:
            raise EOFError
        return self._pipe.recv()

    def release(self) -> Started | None:
        """Become idle; return the attempt that was under way."""
        started, self.started = self.started, None
        return started

    def ask_to_end(self) -> None:
        """Let the worker stop at its next safe point and take no other task."""
        if self._pipe is None:
            self._stand_up()
        elif not self.leaving:
            self.leaving = True
            try:
                self._pipe.send(None)
            except OSError:
                logging.getLogger(__name__).debug("worker %d was gone before it was asked", self.number)

    def kill(self) -> None:
        """End the process without waiting for a safe point; its messages can still be read."""
        if self._process is not None:
            self._process.kill()

    def end(self) -> int | None:
        """Wait for the process to end, killing it if it does not; return its exit code."""
        if self._process is None or self._pipe is None:
            self._stand_up()
            return None
        process, pipe = self._process, self._pipe
        process.join(SECONDS_TO_END)
        if process.exitcode is None:
            process.kill()
            process.join()
        exit_code = process.exitcode
        pipe.close()
        process.close()
        self._process = self._pipe = None
        self.leaving = False
        self._stand_up()
        return exit_code

    def _stand_up(self) -> None:
        if self._seat is not None:
            self._seat.close()
            self._seat = None

    def _launch(self, seat: Seat) -> Connection:
        ours, theirs = SPAWN.Pipe()
        level = logging.getLogger(OURS).getEffectiveLevel()
        self._process = SPAWN.Process(
            target=serve, args=(theirs, seat.setup, level), name=f"worker-{self.number}", daemon=True
        )
        # inherited by the child: Ctrl-C reaches the whole group of a terminal, but only the parent decides
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT,))
        theirs.close()
        return ours


def lost(exit_code: int | None) -> Outcome:
    """Return the outcome of an attempt whose process is gone."""
    if exit_code is not None and exit_code < 0:
        how = f"was killed ({signal.Signals(-exit_code).name})"
    else:
        how = f"ended by itself with exit code {exit_code}"
    return Outcome(
        TaskStatus.FAILURE,
        Reason.INTERRUPTED,
        f"the worker process {how}",
        "if it happens again, look for `out of memory` in the system's log and use fewer --workers",
        transient=True,
    )

"""The child's side of a worker slot: takes a task from the pipe, sends back progress and one outcome.

Here, and only here, an exception becomes an outcome. A worker owns nothing that outlives it: when its parent
is gone it ends at once.
"""

from __future__ import annotations

import errno
import logging
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from types import FrameType
from typing import TypeAlias

from adit_cli.errors import AditError, Reason, StoppedError
from adit_cli.tasks.task import Outcome, Progress, TaskStatus, TransferTask

Report: TypeAlias = Callable[[Progress], None]
RunOne: TypeAlias = Callable[[TransferTask, Report], Outcome]
Setup: TypeAlias = Callable[[], AbstractContextManager[RunOne]]
"""Makes a worker's function once, with what it keeps open from task to task. Must be picklable."""
Message: TypeAlias = Progress | Outcome | logging.LogRecord

OURS = "adit_cli"
"""The logger whose level `-v` sets."""
ORPHANED = 3
SECONDS_BETWEEN_REPORTS = 0.1
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)

logger = logging.getLogger(__name__)


class Orders:
    """What the parent wants: tasks, then None. A thread reads them, so that a running task can be stopped."""

    def __init__(self, pipe: Connection) -> None:
        self.stopping = threading.Event()
        self._pipe = pipe
        self._tasks: SimpleQueue[TransferTask | None] = SimpleQueue()

    def listen(self) -> None:
        """Read orders until the parent sends None or is gone; then nothing of this process is wanted."""
        order: TransferTask | None = None
        while True:
            try:
                order = self._pipe.recv()
            except (EOFError, OSError):
                os._exit(ORPHANED)
            if order is None:
                self.stop()
            else:
                self._tasks.put(order)

    def stop(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        """Take no further task and stop the running one at its next safe point."""
        self.stopping.set()
        self._tasks.put(None)

    def next(self) -> TransferTask | None:
        """Wait for the next task; None is the end."""
        return self._tasks.get()


class Line:
    """The way back to the parent; messages of several threads do not mix."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        """Send one message; without a parent to take it the process ends."""
        try:
            with self._lock:
                self._pipe.send(message)
        except OSError:
            os._exit(ORPHANED)


class Reporter:
    """Passes on what a task reports, as often as a person can see; each report is a safe point to stop at."""

    def __init__(self, line: Line, stopping: threading.Event) -> None:
        self._line = line
        self._stopping = stopping
        self._phases: set[str] = set()
        self._next = 0.0

    def __call__(self, progress: Progress) -> None:
        """Send it if the phase is new or enough time has passed; raise StoppedError where that is asked.

        A task that has delivered everything is not stopped any more: it only has to say so.
        """
        is_done = progress.delivered >= progress.expected > 0
        if self._stopping.is_set() and not is_done:
            raise StoppedError("stopped before it was done", hint="run the job again: it goes on from here")
        now = time.monotonic()
        if progress.phase in self._phases and now < self._next:
            return
        self._phases.add(progress.phase)
        self._next = now + SECONDS_BETWEEN_REPORTS
        self._line.send(progress)


class LogToParent(logging.Handler):
    """Sends log records to the parent, which alone writes the log."""

    def __init__(self, line: Line) -> None:
        super().__init__()
        self._line = line

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record as text; arguments and traceback may not be picklable, or may quote a data set."""
        message = record.getMessage()
        kind = record.exc_info[0] if record.exc_info else None
        if kind is not None:
            message = f"{message} ({kind.__name__})"
        plain = {"msg": message, "args": None, "exc_info": None, "exc_text": None, "stack_info": None}
        self._line.send(logging.makeLogRecord({**record.__dict__, **plain}))


def serve(pipe: Connection, setup: Setup, log_level: int) -> None:
    """Work until told to end: the main function of a worker process."""
    line, orders = Line(pipe), Orders(pipe)
    logging.basicConfig(handlers=[LogToParent(line)], force=True)
    logging.getLogger(OURS).setLevel(log_level)
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # the terminal sends it to the whole group; the parent decides
    signal.signal(signal.SIGTERM, orders.stop)
    threading.Thread(target=orders.listen, name="orders", daemon=True).start()
    with ExitStack() as kept:
        run_one: RunOne | None = None
        while (task := orders.next()) is not None:
            report = Reporter(line, orders.stopping)
            started = time.monotonic()
            try:
                run_one = run_one or kept.enter_context(setup())
                outcome = run_one(task, report)
            except Exception as error:  # noqa: BLE001 - this is where exceptions end
                outcome = outcome_of(error)
            line.send(replace(outcome, seconds=outcome.seconds or time.monotonic() - started))


def outcome_of(error: Exception) -> Outcome:
    """Return what an exception means for its task.

    The text of an exception that is not ours may quote a data set, so only its type and place are told.
    """
    if isinstance(error, AditError):
        return Outcome(TaskStatus.FAILURE, error.reason, error.message, error.hint, transient=error.transient)
    if isinstance(error, OSError) and error.errno in NO_SPACE:
        return Outcome(
            TaskStatus.FAILURE,
            Reason.DISK_FULL,
            "no room left on a disk of this machine",
            "free some space and run again: it continues",
            transient=True,
        )
    what = f"unexpected {type(error).__name__}{_place(error)}"
    logger.error("%s", what)
    logger.info("%s", frames(error))
    return Outcome(
        TaskStatus.FAILURE,
        Reason.INTERNAL,
        what,
        "this is a defect of ADIT: run the task again with -v to see where, and report it",
    )


def _place(error: Exception) -> str:
    found = traceback.extract_tb(error.__traceback__)
    return f" at {Path(found[-1].filename).name}:{found[-1].lineno}" if found else ""


def frames(error: BaseException) -> str:
    """Return where an exception came from, and those behind it, without the texts they carry."""
    lines = traceback.format_tb(error.__traceback__)
    behind = error.__cause__ or error.__context__
    before = "" if behind is None else f"{frames(behind)}which led to\n"
    return f"{before}{''.join(lines)}{type(error).__name__}\n"

"""Run the tasks in line on worker slots until none is left or a stop is asked for.

The parent is the only writer: an attempt is on record before its worker hears of it, and its outcome before
that worker gets another one.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from typing import Protocol, TypeAlias, assert_never

from adit_cli.engine.events import Event, TaskEnded, TaskProgress, TaskStarted
from adit_cli.engine.relay import Relay
from adit_cli.engine.seats import Seating
from adit_cli.engine.slots import Slot, lost
from adit_cli.engine.state import StateStore
from adit_cli.engine.stop import Cause, Stop
from adit_cli.engine.verdict import Rules, Verdict, disk_is_full, judge
from adit_cli.errors import AditError, Reason
from adit_cli.tasks.task import Outcome, Progress, TaskStatus

OnEvent: TypeAlias = Callable[[Event], None]

DEATHS_IN_A_ROW = 10
"""So many workers that die without any outcome between them say that none will ever work."""
SECONDS_BETWEEN_SEATS = 1.0
"""How often to look whether other jobs have given back what they took of the servers."""

logger = logging.getLogger(__name__)


class Supply(Protocol):
    """Where further tasks come from while the first ones run."""

    def fileno(self) -> int:
        """Return what becomes readable when something came."""
        ...

    def bring_in(self) -> None:
        """Put what came in line."""
        ...

    def ask(self) -> None:
        """Tell that nothing is in line."""
        ...

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        ...


def run_tasks(
    store: StateStore,
    seating: Seating,
    rules: Rules,
    stop: Stop,
    on_event: OnEvent,
    supply: Supply | None = None,
) -> None:
    """Run what is in line, and what the supply adds to it.

    Returns when nothing is left in line, or when everything has stopped.
    """
    executor = Executor(store, seating, rules, stop, on_event)
    executor.supply = supply
    try:
        executor.run()
    finally:
        executor.close()


class Executor:
    """The slots of one run and what they work on."""

    def __init__(
        self, store: StateStore, seating: Seating, rules: Rules, stop: Stop, on_event: OnEvent
    ) -> None:
        self.supply: Supply | None = None
        self._store = store
        self._rules = rules
        self._stop = stop
        self._on_event = on_event
        self._slots = [Slot(number, seating) for number in range(1, rules.workers + 1)]
        self._relay = Relay()
        self._deaths = 0
        self._asked = False
        self._waits_for_seat = False

    def run(self) -> None:
        """Give out tasks and take in outcomes until there is nothing more to wait for."""
        while True:
            if self._stop.requested:
                self._wind_down()
            else:
                self._give_out()
            if self._nothing_left():
                return
            self._take_in()

    def close(self) -> None:
        """End all workers: the idle ones in peace, the others at once."""
        for slot in self._slots:
            if slot.started is None:
                slot.ask_to_end()
            else:
                slot.kill()
        for slot in self._slots:
            slot.end()

    def _give_out(self) -> None:
        self._waits_for_seat = False
        for slot in self._slots:
            if not slot.is_free:
                continue
            if not self._is_due():
                self._dismiss_idle()
                self._ask_for_more()
                return
            if not slot.sit():
                self._waits_for_seat = True
                continue
            started = self._store.start_attempt(time.time())
            if started is None:
                return
            self._on_event(TaskStarted(started.task.key, started.task.study_uid, slot.number, started.number))
            try:
                slot.give(started)
            except OSError:
                self._lose(slot)

    def _ask_for_more(self) -> None:
        if self.supply is not None and not any(slot.started for slot in self._slots):
            self.supply.ask()

    def _is_due(self) -> bool:
        due = self._store.next_due()
        return due is not None and due <= time.time()

    def _dismiss_idle(self) -> None:
        """End workers that have nothing to do, so that they hold no association others wait for."""
        for slot in self._slots:
            if slot.started is None:
                slot.ask_to_end()

    def _wind_down(self) -> None:
        if not self._asked:
            self._asked = True
            for slot in self._slots:
                slot.ask_to_end()
        if self._stop.impatient:
            for slot in self._slots:
                slot.kill()

    def _nothing_left(self) -> bool:
        if any(slot.started is not None for slot in self._slots):
            return False
        if self._stop.requested:
            return True
        return (self.supply is None or self.supply.is_over) and self._store.next_due() is None

    def _take_in(self) -> None:
        by_pipe = {slot.pipe.fileno(): slot for slot in self._slots if slot.pipe is not None}
        more = [] if self.supply is None else [self.supply.fileno()]
        for ready in wait([*by_pipe, *more, self._stop.fileno()], self._patience()):
            slot = by_pipe.get(ready) if isinstance(ready, int) else None
            if slot is not None:
                self._receive(slot)
            elif self.supply is not None and ready in more:
                self.supply.bring_in()
            else:
                self._stop.drain()

    def _patience(self) -> float | None:
        """Return how long to wait for a message before looking at the clock again."""
        times = [self._stop.seconds_left()]
        due = self._store.next_due()
        if due is not None and not self._stop.requested and any(slot.is_free for slot in self._slots):
            times.append(max(due - time.time(), SECONDS_BETWEEN_SEATS if self._waits_for_seat else 0.0))
        return min((seconds for seconds in times if seconds is not None), default=None)

    def _receive(self, slot: Slot) -> None:
        try:
            message = slot.receive()
        except (EOFError, OSError):
            self._lose(slot)
            return
        match message:
            case Progress():
                self._on_event(TaskProgress(slot.number, message))
            case Outcome():
                self._deaths = 0
                slot.leaving |= message.reason is Reason.INTERRUPTED  # a worker that was told to stop ends
                self._finish(slot, message)
            case logging.LogRecord():
                self._relay.hand_on(message)
            case _:
                assert_never(message)

    def _lose(self, slot: Slot) -> None:
        """Note that a worker is gone; its place is free for another one."""
        exit_code = slot.end()
        if slot.started is None:
            return
        logger.info("worker %d is gone (exit code %s)", slot.number, exit_code)
        self._finish(slot, lost(exit_code))
        self._deaths += not self._stop.requested
        if self._deaths >= DEATHS_IN_A_ROW:
            raise AditError(
                f"{self._deaths} worker processes in a row ended without finishing a task",
                hint="look into the system's log for out of memory; -v shows what the workers said",
            )

    def _finish(self, slot: Slot, outcome: Outcome) -> None:
        started = slot.release()
        if started is None:
            return
        if disk_is_full(outcome) and not self._stop.requested:
            self._stop.request(Cause.DISK_FULL)
        verdict = judge(outcome, started.tries, self._rules, stopping=self._stop.requested)
        self._store.finish_attempt(
            started, outcome, verdict.status, retry_at=self._retry_at(verdict), counts=verdict.counts
        )
        if verdict.status is not TaskStatus.PENDING:
            clear_spool(self._store, started.task.key)
        key, uid = started.task.key, started.task.study_uid
        self._on_event(TaskEnded(key, uid, slot.number, started.number, verdict.status, outcome))

    @staticmethod
    def _retry_at(verdict: Verdict) -> float:
        return time.time() + verdict.wait if verdict.status is TaskStatus.PENDING else 0.0


def clear_spool(store: StateStore, key: str) -> None:
    """Remove what a task that is done may have left in the spool."""
    folder = store.folder.spool / key
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        logger.warning("cannot remove the spool folder %s: %s", folder, error.strerror)

"""Run the tasks in line on worker slots until none is left or a stop is asked for.

The parent is the only writer: an attempt is on record before its worker hears of it, and its outcome before
that worker gets another one.
"""

from __future__ import annotations

import logging
import shutil
from multiprocessing.connection import wait
from typing import assert_never

from adit_cli.engine.events import OnEvent, RunWaits, TaskEnded, TaskProgress, TaskStarted
from adit_cli.engine.hold import Hold
from adit_cli.engine.intake import Intake
from adit_cli.engine.overtime import Overtime
from adit_cli.engine.relay import Relay
from adit_cli.engine.seats import Seating
from adit_cli.engine.slots import Slot, lost
from adit_cli.engine.state import StateStore
from adit_cli.engine.stop import Cause, Stop
from adit_cli.engine.verdict import Rules, Verdict, disk_is_full, judge
from adit_cli.errors import AditError, Reason
from adit_cli.tasks.task import Outcome, Progress, TaskStatus

DEATHS_IN_A_ROW = 10
"""So many workers that die without any outcome between them say that none will ever work."""
SECONDS_BETWEEN_SEATS = 1.0
"""How often to look whether other jobs have given back what they took of the servers."""
SHORT_HOLD = 30.0
"""Workers are kept over a hold that is no longer, with their associations."""

logger = logging.getLogger(__name__)


def run_tasks(
    store: StateStore,
    seating: Seating,
    rules: Rules,
    stop: Stop,
    on_event: OnEvent,
    intake: Intake | None = None,
) -> None:
    """Run what is in line, and what comes in, as far as it may begin.

    Returns when nothing is left in line, or when everything has stopped.
    """
    executor = Executor(store, seating, rules, stop, on_event)
    executor.intake = intake or executor.intake
    try:
        executor.run()
    finally:
        executor.close()


class Executor:
    """The slots of one run and what they work on."""

    def __init__(
        self, store: StateStore, seating: Seating, rules: Rules, stop: Stop, on_event: OnEvent
    ) -> None:
        self.intake = Intake(store)
        self._store = store
        self._rules = rules
        self._stop = stop
        self._on_event = on_event
        self._slots = [Slot(number, seating) for number in range(1, rules.workers + 1)]
        self._relay = Relay()
        self._deaths = 0
        self._asked = False
        self._waits_for_seat = False
        self._told: tuple[Hold, bool] | None = None
        self._overtime = Overtime()

    def run(self) -> None:
        """Give out tasks and take in outcomes until there is nothing more to wait for."""
        while True:
            if self._stop.requested:
                self._wind_down()
            else:
                self._overtime.enforce(self._slots, self.intake.gate.now())
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
            source = self.intake.next_source()
            if source is None:
                self._rest()
                return
            if not slot.sit():
                self._waits_for_seat = True
                continue
            if self.intake.gate.let_in(source):
                self._begin(slot, source)

    def _begin(self, slot: Slot, source: str) -> None:
        started = self._store.start_attempt(self.intake.gate.now(), source)
        if started is None:
            return
        self._overtime.begin(slot, self.intake.gate.closes_at(source))
        self._on_event(TaskStarted(started.task.key, started.task.study_uid, slot.number, started.number))
        try:
            slot.give(started)
        except OSError:
            self._lose(slot)

    def _rest(self) -> None:
        """Do what is to be done while nothing may begin."""
        hold = self.intake.first_hold()
        if hold is None or hold.until - self.intake.gate.now() > SHORT_HOLD:
            self._dismiss_idle()
        if self.intake.supply is not None and not self._at_work():
            self.intake.supply.ask()
        if hold is not None and (self._at_work() or not self.intake.stops_for(hold)):
            self._tell(hold)

    def _tell(self, hold: Hold) -> None:
        if self._told != (hold, self._at_work()):
            self._told = hold, self._at_work()
            pending = self._store.counts().get(TaskStatus.PENDING, 0)
            self._on_event(RunWaits(hold, self.intake.gate.now(), pending))

    def _at_work(self) -> bool:
        return any(slot.started is not None for slot in self._slots)

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
        if self._at_work():
            return False
        if self._stop.requested:
            return True
        if self.intake.is_shut():
            self._stop.request(Cause.WINDOW)
            return True
        return self.intake.is_done()

    def _take_in(self) -> None:
        by_pipe = {slot.pipe.fileno(): slot for slot in self._slots if slot.pipe is not None}
        more = [] if self.intake.supply is None else [self.intake.supply.fileno()]
        for ready in wait([*by_pipe, *more, self._stop.fileno()], self._patience()):
            slot = by_pipe.get(ready) if isinstance(ready, int) else None
            if slot is not None:
                self._receive(slot)
            elif self.intake.supply is not None and ready in more:
                self.intake.supply.bring_in()
            else:
                self._stop.drain()

    def _patience(self) -> float | None:
        """Return how long to wait for a message before looking at the clock again."""
        now = self.intake.gate.now()
        times = [self._stop.seconds_left()]
        if not self._stop.requested:
            times.append(self._overtime.seconds_left(self._slots, now))
            if any(slot.is_free for slot in self._slots):
                times += self.intake.until_next(SECONDS_BETWEEN_SEATS if self._waits_for_seat else 0.0)
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
        self._deaths += not self._is_stopping(slot)
        self._finish(slot, lost(exit_code))
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
        verdict = judge(outcome, started.tries, self._rules, stopping=self._is_stopping(slot))
        self._store.finish_attempt(
            started, outcome, verdict.status, retry_at=self._retry_at(verdict), counts=verdict.counts
        )
        if verdict.status is not TaskStatus.PENDING:
            clear_spool(self._store, started.task.key)
        key, uid = started.task.key, started.task.study_uid
        self._on_event(TaskEnded(key, uid, slot.number, started.number, verdict.status, outcome))

    def _is_stopping(self, slot: Slot) -> bool:
        """Return whether the slot's worker was told to stop, which is no fault of its task."""
        return self._stop.requested or self._overtime.is_over(slot, self.intake.gate.now())

    def _retry_at(self, verdict: Verdict) -> float:
        return self.intake.gate.now() + verdict.wait if verdict.status is TaskStatus.PENDING else 0.0


def clear_spool(store: StateStore, key: str) -> None:
    """Remove what a task that is done may have left in the spool."""
    folder = store.folder.spool / key
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        logger.warning("cannot remove the spool folder %s: %s", folder, error.strerror)

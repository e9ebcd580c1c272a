"""Studies still under way when a window has closed: they get some minutes more, then they are stopped.

What has arrived of them stays in the spool, and it uses up no try.
"""

from __future__ import annotations

from collections.abc import Iterable

from adit_cli.engine.intake import LONGEST_LOOK_AWAY
from adit_cli.engine.slots import Slot
from adit_cli.engine.stop import GRACE as TO_STOP
from adit_cli.jobfile.window import NEVER

EXTRA = 600.0
"""Seconds that a study may go on after its window has closed."""


class Overtime:
    """Until when the workers of a run may go on with what they are at."""

    def __init__(self) -> None:
        self._ends: dict[int, float] = {}

    def begin(self, slot: Slot, closes: float) -> None:
        """Note when the window closes for what the slot begins with."""
        self._ends[slot.number] = closes + EXTRA

    def enforce(self, slots: Iterable[Slot], now: float) -> None:
        """Stop the workers whose time is over, and end those that do not stop."""
        for slot in slots:
            over = now - self._ends.get(slot.number, NEVER)
            if slot.started is None or over < 0:
                continue
            slot.ask_to_end()
            if over >= TO_STOP:
                slot.kill()

    def is_over(self, slot: Slot, now: float) -> bool:
        """Return whether the slot's time is over."""
        return now >= self._ends.get(slot.number, NEVER)

    def seconds_left(self, slots: Iterable[Slot], now: float) -> float | None:
        """Return how long one may wait before enforcing it; None where nothing needs it."""
        ends = [self._ends.get(slot.number, NEVER) for slot in slots if slot.started is not None]
        times = [moment - now for end in ends if end < NEVER for moment in (end, end + TO_STOP)]
        left = min((seconds for seconds in times if seconds > 0), default=None)
        return None if left is None else min(left, LONGEST_LOOK_AWAY)

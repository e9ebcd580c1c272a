"""What comes in line while a run goes on, and which of it may begin."""

from __future__ import annotations

from typing import Protocol

from adit_cli.engine.gate import Gate, open_gate
from adit_cli.engine.hold import HeldBy, Hold
from adit_cli.engine.state import StateStore

LONGEST_LOOK_AWAY = 60.0
"""How long to wait at most for a window: clocks are set, and machines sleep."""


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


class Intake:
    """The tasks in line before the gate that they have to pass."""

    def __init__(self, store: StateStore, gate: Gate | None = None, supply: Supply | None = None) -> None:
        self.gate = gate or open_gate()
        self.supply = supply
        self._store = store
        self._holds: dict[str, Hold] = {}

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes in line."""
        return self.supply is None or self.supply.is_over

    def next_source(self) -> str | None:
        """Return the source of the next task that may begin now; None where there is none."""
        self._holds = self.gate.holds()
        return self._store.next_source(self.gate.now(), self._let_in())

    def first_hold(self) -> Hold | None:
        """Return what holds tasks in line back, the one of several that is over first."""
        held = [hold for source, hold in self._holds.items() if self._store.next_due([source]) is not None]
        return min(held, key=lambda hold: hold.until, default=None)

    def stops_for(self, hold: Hold) -> bool:
        """Return whether a run stops rather than wait for this."""
        return hold.by is HeldBy.WINDOW and not self.gate.waits

    def is_shut(self) -> bool:
        """Return whether closed windows hold back all that is left, and nobody waits for them."""
        if self.gate.waits or not (shut := self.gate.shut()):
            return False
        others = self.gate.others(shut)
        if self._store.next_due(shut) is None or self._store.next_due(others) is not None:
            return False
        return self.is_over or not others

    def is_done(self) -> bool:
        """Return whether nothing is in line, and nothing comes."""
        return self.is_over and self._store.next_due() is None

    def until_next(self, at_least: float) -> list[float]:
        """Return after how many seconds it is worth looking again; for what is due, after so many."""
        now = self.gate.now()
        times = [min(max(hold.until - now, 0.0), LONGEST_LOOK_AWAY) for hold in self._holds.values()]
        due = self._store.next_due(self._let_in())
        return times if due is None else [*times, max(due - now, at_least)]

    def _let_in(self) -> frozenset[str] | None:
        """Return the sources that nothing holds back; None where that is all of them."""
        return self.gate.others(self._holds) if self._holds else None

"""Clocks that tests set, and gates that go by them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from adit_cli.engine.gate import Gate, Keeper
from adit_cli.jobfile.window import DAYS, WEEK, parse_window
from adit_cli.nodes.quota import Quota

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> float:
    """Return the moment at which a clock in Berlin shows this."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()


@dataclass
class Clock:
    """A clock that stands still until it is set."""

    now: float

    def __call__(self) -> float:
        return self.now


def keeper(name: str, *windows: str, quota: Quota | None = None) -> Keeper:
    """Return a node with these windows."""
    return Keeper(name, tuple(map(parse_window, windows)), quota)


def gate(clock: Clock, *, waits: bool = False, **routes: Keeper | tuple[Keeper, ...]) -> Gate:
    """Return a gate in Berlin: what studies of each source pass."""
    ways = {name: way if isinstance(way, tuple) else (way,) for name, way in routes.items()}
    return Gate(ways, waits=waits, clock=clock, zone=BERLIN)


def another_day() -> str:
    """Return a window that is closed while a test runs, also where midnight passes meanwhile."""
    return DAYS[(_today() + 3) % WEEK]


def these_days() -> str:
    """Return a window that is open while a test runs."""
    return f"{DAYS[_today() - 1]}-{DAYS[(_today() + 1) % WEEK]}"


def _today() -> int:
    return datetime.now().astimezone().weekday()

"""Show a run while it goes on: lines, JSON lines, or (in display_bar) bars.

A display never ends a run: when whoever watches goes away, the run goes on in silence.
"""

from __future__ import annotations

import dataclasses
import json
import re
import sys
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Protocol, TextIO

from adit_cli.cli.progress import Board
from adit_cli.cli.sentences import ended_line, grown_line, started_line, waits_line
from adit_cli.engine.events import Event, Resolving, RunGrew, RunStarted, RunWaits, TaskEnded

PLAIN_INTERVAL = 10.0
"""Seconds between two lines of numbers where nothing else happens."""

LONG_WAIT = 60.0
"""Seconds that studies must wait before it is worth a line."""


class Style(StrEnum):
    """What `--progress` accepts."""

    AUTO = "auto"
    BAR = "bar"
    PLAIN = "plain"
    JSON = "json"
    NONE = "none"


class Display(Protocol):
    """Something that shows a run."""

    def show(self, event: Event) -> None:
        """Take one event."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was found."""
        ...


def open_display(style: Style) -> Display:
    """Return the display for this style; auto is bars on a terminal and lines elsewhere."""
    if style is Style.AUTO:
        style = Style.BAR if sys.stderr.isatty() else Style.PLAIN
    match style:
        case Style.BAR:
            from adit_cli.cli.display_bar import BarDisplay  # noqa: PLC0415  rich costs 0.1 s

            return BarDisplay()
        case Style.JSON:
            return JsonDisplay(sys.stdout)
        case Style.NONE:
            return SilentDisplay()
        case _:
            return PlainDisplay(sys.stderr)


class SilentDisplay:
    """Shows nothing."""

    def show(self, event: Event) -> None:
        """Take one event."""

    def close(self) -> None:
        """Nothing was opened."""


class _Lines:
    """A stream that may break without harm."""

    def __init__(self, stream: TextIO) -> None:
        self._stream: TextIO | None = stream

    def write(self, text: str) -> None:
        if self._stream is None:
            return
        try:
            self._stream.write(text + "\n")
            self._stream.flush()
        except BrokenPipeError:
            self._stream = None


class JsonDisplay:
    """One event a line, for programs."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.time) -> None:
        self._lines = _Lines(stream)
        self._clock = clock

    def show(self, event: Event) -> None:
        """Write the event's name, the time and its fields."""
        name = re.sub(r"(?<!^)(?=[A-Z])", "-", type(event).__name__).lower()
        head = {"event": name, "time": round(self._clock(), 3)}
        self._lines.write(json.dumps(head | dataclasses.asdict(event), ensure_ascii=False))

    def close(self) -> None:
        """Nothing is held."""


class PlainDisplay:
    """A line for each study that ends, and the numbers now and then."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._lines = _Lines(stream)
        self._clock = clock
        self._board = Board(clock)
        self._last = clock()

    def show(self, event: Event) -> None:
        """Write what is worth a line."""
        self._board.take(event)
        line = self._waits(event) if isinstance(event, RunWaits) else self._line(event)
        if line:
            self._last = self._clock()
            self._lines.write(line)

    def _line(self, event: Event) -> str:
        match event:
            case RunStarted():
                return started_line(event)
            case RunGrew():
                return grown_line(event, self._board.job)
            case TaskEnded():
                return f"[{self._board.done}/{self._board.pending}] {ended_line(event)}"
            case Resolving() if self._is_due():
                of = f" of {event.total}" if event.total else ""
                return f"looking up: {event.done}{of}"
            case _ if self._is_due() and self._board.workers:
                return self._board.summary()
            case _:
                return ""

    @staticmethod
    def _waits(event: RunWaits) -> str:
        return waits_line(event) if event.hold.until - event.since >= LONG_WAIT else ""

    def _is_due(self) -> bool:
        return self._clock() - self._last >= PLAIN_INTERVAL

    def close(self) -> None:
        """Nothing is held."""

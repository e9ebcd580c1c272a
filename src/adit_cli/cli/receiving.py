"""Show what a receiver does: who calls, what is refused, and the sum at the end."""

from __future__ import annotations

import time
from pathlib import Path

import typer

from adit_cli.cli.wording import count, duration, size
from adit_cli.nodes.dimse.scp import Happening, ReceiveEvent


class ReceiveWatch:
    """Counts what arrives and tells the terminal."""

    def __init__(self, ae_title: str, folder: Path, *, verbosity: int) -> None:
        self._ae_title = ae_title
        self._folder = folder
        self._verbosity = verbosity
        self._began = time.monotonic()
        self._files = 0
        self._size = 0
        self._told = 0

    def show(self, event: ReceiveEvent) -> None:
        """Take one event."""
        match event.happening:
            case Happening.LISTENING:
                self._say(
                    f"{self._ae_title} receives on port {event.port} into {self._folder}; Ctrl-C ends it"
                )
            case Happening.OPENED:
                self._say(f"{event.calling}@{event.host} calls", level=1)
            case Happening.STORED:
                self._files += 1
                self._size += event.size
                self._say(f"{event.calling}: {event.study_uid}/{event.uid}", level=2)
            case Happening.REFUSED:
                what = f" {event.uid}" if event.uid else ""
                self._say(f"{event.calling}@{event.host}: refused{what}: {event.message}", level=-1)
            case Happening.ENDED:
                self._end(event)

    def _end(self, event: ReceiveEvent) -> None:
        new = self._files - self._told
        self._told = self._files
        total = f"{count(new, 'instance')} since the last line" if new else "nothing new"
        self._say(f"{event.calling or 'someone'}@{event.host}: {event.message}; {total}")

    def close(self) -> None:
        """Show the sum."""
        time_open = duration(time.monotonic() - self._began)
        self._say(f"received {count(self._files, 'instance')}, {size(self._size)} in {time_open}")

    def _say(self, text: str, level: int = 0) -> None:
        if self._verbosity >= level:
            typer.echo(text, err=True)

"""One line at the bottom of a terminal that says how things stand; nowhere else does it appear."""

from __future__ import annotations

import contextlib
import shutil
import time
from typing import TextIO

from adit_cli.cli.wording import shorten

INTERVAL = 0.25
"""Seconds between two looks of it."""
_CLEAR = "\r\x1b[K"


class StatusLine:
    """Shows its latest text; lines of others are written after `clear`."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream if stream is not None and stream.isatty() else None
        self._due = 0.0
        self._is_shown = False

    def show(self, text: str) -> None:
        """Show a text, unless the last one is only just there."""
        now = time.monotonic()
        if self._is_shown and now < self._due:
            return
        self._due = now + INTERVAL
        self._is_shown = True
        self._write(_CLEAR + shorten(text, shutil.get_terminal_size().columns - 1))

    def clear(self) -> None:
        """Take the line away."""
        if self._is_shown:
            self._is_shown = False
            self._write(_CLEAR)

    def _write(self, text: str) -> None:
        if self._stream is None:
            return
        with contextlib.suppress(OSError):
            self._stream.write(text)
            self._stream.flush()

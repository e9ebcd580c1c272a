"""The standard streams as commands need them, whatever the program was started with."""

from __future__ import annotations

import io
import os
import sys
from typing import Protocol, runtime_checkable


@runtime_checkable
class _Recodable(Protocol):
    def reconfigure(self, *, errors: str) -> None: ...


class _Heard(io.TextIOWrapper):
    """Standard error while it is read; later it goes nowhere, and the command ends as it would have."""

    def write(self, said: str, /) -> int:
        try:
            return super().write(said)
        except BrokenPipeError:
            self._go_nowhere()
            return len(said)

    def flush(self) -> None:
        try:
            super().flush()
        except BrokenPipeError:
            self._go_nowhere()

    def _go_nowhere(self) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)


def open_streams() -> None:
    """Let closed streams lead nowhere, and write letters that the terminal's encoding lacks as escapes.

    Whatever is opened next would else take the number of a closed one, and get what is printed.
    """
    sys.stdin = sys.stdin or _nowhere("r")
    out = sys.stdout = sys.stdout or _nowhere("w")
    if isinstance(out, _Recodable):
        out.reconfigure(errors="backslashreplace")
    if type(sys.stderr) is io.TextIOWrapper and not sys.stderr.isatty():
        sys.stderr = _heard(sys.stderr.fileno(), sys.stderr.encoding)
    sys.stderr = sys.stderr or _nowhere("w")


def _heard(number: int, encoding: str) -> io.TextIOWrapper:
    written = io.BufferedWriter(io.FileIO(number, "w", closefd=False))
    return _Heard(written, encoding, errors="backslashreplace", line_buffering=True)


def _nowhere(mode: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.FileIO(os.devnull, mode), encoding="utf-8")

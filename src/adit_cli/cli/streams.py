"""The standard streams as commands need them, whatever the program was started with."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from typing_extensions import Buffer


@runtime_checkable
class _Recodable(Protocol):
    def reconfigure(self, *, errors: str) -> None: ...


class _Heard(io.FileIO):
    """Standard error while it is read; later it goes nowhere, and the command ends as it would have."""

    def write(self, said: Buffer, /) -> int:
        try:
            return super().write(said)
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return super().write(said)


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
    written = io.BufferedWriter(_Heard(number, "w", closefd=False))
    return io.TextIOWrapper(written, encoding, errors="backslashreplace", line_buffering=True)


def _nowhere(mode: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.FileIO(os.devnull, mode), encoding="utf-8")

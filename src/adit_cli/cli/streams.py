"""The standard streams as commands need them, whatever the program was started with."""

from __future__ import annotations

import io
import os
import sys
from typing import Protocol, runtime_checkable


@runtime_checkable
class _Recodable(Protocol):
    def reconfigure(self, *, errors: str) -> None: ...


def open_streams() -> None:
    """Let closed streams lead nowhere, and write letters that the terminal's encoding lacks as escapes.

    Whatever is opened next would else take the number of a closed one, and get what is printed.
    """
    sys.stdin = sys.stdin or _nowhere("r")
    out = sys.stdout = sys.stdout or _nowhere("w")
    sys.stderr = sys.stderr or _nowhere("w")
    if isinstance(out, _Recodable):
        out.reconfigure(errors="backslashreplace")


def _nowhere(mode: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.FileIO(os.devnull, mode), encoding="utf-8")

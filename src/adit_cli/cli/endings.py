"""How a command line can end: each error becomes a short text on standard error and an exit code."""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import typer
from typer.exceptions import TyperException

from adit_cli.errors import AditError


class Terminated(SystemExit):
    """The system asked the program to end: whatever is held open is put in order on the way out."""


@contextmanager
def ended_by_signal() -> Generator[None]:
    """Let SIGTERM end the block as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise Terminated


def exit_code_of(error: BaseException) -> int:
    """Say what happened, and return the program's exit code."""
    match error:
        case AditError():
            return _report(error.message, error.hint, error.exit_code)
        case BrokenPipeError() | SystemExit(code=1) | OSError(errno=errno.ENOSPC | errno.EDQUOT):
            return _written_no_more(error)  # typer exits with 1 when the pipe is closed
        case SystemExit():
            return _exited(error)
        case KeyboardInterrupt() | typer.Abort():
            return _report("interrupted", "", 130)
        case TyperException():
            return _report_usage(error)
        case _:
            return _report_bug(error)


def _exited(error: SystemExit) -> int:
    if isinstance(error, Terminated):
        return _report("stopped; run again to go on", "", 5)
    return int(error.code or 0)


def _report(message: str, hint: str, exit_code: int) -> int:
    typer.echo(f"adit: {message}", err=True)
    if hint:
        typer.echo(f"      {hint}", err=True)
    return exit_code


def _report_usage(error: TyperException) -> int:
    context = getattr(error, "ctx", None)
    path = getattr(context, "command_path", "adit")
    message = error.format_message().replace("Value error, ", "")
    if not message.strip().startswith("Usage:"):
        return _report(message[:1].lower() + message[1:], f"see: {path} --help", error.exit_code)
    typer.echo(message, err=True)
    return error.exit_code


def _written_no_more(error: BaseException) -> int:
    """Let what is still to be flushed go nowhere; whoever closed our pipe has seen enough."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError | SystemExit):
        return 0
    return _report("there is no room left to write to", "free some space, and run again", 7)


def _report_bug(error: BaseException) -> int:
    """Name the place, not the message: that one may hold what belongs in no log."""
    if logging.getLogger("adit_cli").isEnabledFor(logging.DEBUG):
        traceback.print_exception(error)
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
    return _report(f"unexpected error: {where}", "this is a bug; run again with -vv for the traceback", 1)

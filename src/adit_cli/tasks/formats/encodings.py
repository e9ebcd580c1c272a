"""Open a text file that says nothing of its encoding. It is looked through twice, never held whole."""

from __future__ import annotations

import codecs
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from adit_cli.errors import UsageError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FIRST_LOOK = 1024
_HOW = "save it as UTF-8 (in a spreadsheet: CSV UTF-8)"


@contextmanager
def opened(path: Path) -> Generator[Iterator[str]]:
    """Yield the lines of a file: UTF-8 or UTF-16 with or without a mark, else Windows-1252."""
    try:
        with path.open(encoding=_encoding(path), newline="") as lines:
            yield lines
    except UnicodeError as error:
        raise UsageError(f"{path}: holds bytes that are text in no encoding we know", hint=_HOW) from error
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(_FIRST_LOOK)
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return encoding
    if b"\0" in start:
        return "utf-16-le" if start[1::2].count(0) > start[::2].count(0) else "utf-16-be"
    return _eight_bit_encoding(path)


def _eight_bit_encoding(path: Path) -> str:
    """Return UTF-8 where every line is, Windows-1252 where no line needs UTF-8; a mixture is an error."""
    with path.open("rb") as lines:
        kinds = {_is_utf8(line): number for number, line in enumerate(lines) if not line.isascii()}
    if len(kinds) > 1:
        raise UsageError(f"{path}: row {kinds[False]} is not UTF-8, but other rows are", hint=_HOW)
    return "cp1252" if False in kinds else "utf-8"


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True

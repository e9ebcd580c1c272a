"""Find out which program listens on a port of this machine, as far as Linux tells a user (proc(5))."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_LISTENING = "0A"
_STATE, _INODE = 3, 9
_PROC = Path("/proc")


def who_listens(port: int) -> str:
    """Return ` by NAME (process PID)`; nothing where that cannot be known."""
    sockets = {f"socket:[{inode}]" for inode in _listening(port)}
    for process in _PROC.glob("[0-9]*") if sockets else ():
        if not sockets.isdisjoint(_sockets(process)):
            return f" by {_name(process)} (process {process.name})"
    return ""


def _listening(port: int) -> Iterator[str]:
    for table in ("tcp", "tcp6"):
        for line in _lines(_PROC / "net" / table)[1:]:
            fields = line.split()
            if fields[_STATE] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[_INODE]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def _sockets(process: Path) -> Iterator[str]:
    """Yield what a process has open; another user's is closed to us, and one may end meanwhile."""
    try:
        for descriptor in (process / "fd").iterdir():
            yield str(descriptor.readlink())
    except OSError:
        return


def _name(process: Path) -> str:
    lines = _lines(process / "comm")
    return lines[0] if lines else "a program"

"""Tell since which start of the machine something was written.

What was written and not synced survives any death of a program, and not the machine's: until the disk has
it, a file may come back empty or without its last blocks, under its final name.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from adit_cli.nodes.storage import PRIVATE_FILE, part_in

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class BootMark:
    """A file beside others that says which start of the machine they belong to. Errors are OSError."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def is_of_this_boot(self) -> bool:
        """Return whether the mark was set since the machine started; not where there is none."""
        try:
            return self.path.read_bytes() == _this_boot()
        except FileNotFoundError:
            return False

    def set(self) -> None:
        """Set the mark for this start of the machine."""
        _write(self.path)

    def renew(self) -> None:
        """Set the mark anew for this start of the machine; it remains as old as it is."""
        seen, draft = self.path.stat(), part_in(self.path.parent, self.path.name)
        _write(draft)
        os.utime(draft, ns=(seen.st_atime_ns, seen.st_mtime_ns))
        draft.rename(self.path)

    def void(self) -> None:
        """Make it a mark of no start of the machine; it remains as old as it is."""
        seen = self.path.stat()
        os.truncate(self.path, 0)
        os.utime(self.path, ns=(seen.st_atime_ns, seen.st_mtime_ns))


def _write(path: Path) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, PRIVATE_FILE), "wb") as output:
        output.write(_this_boot())


def _this_boot() -> bytes:
    """Return what tells this start of the machine from every other; Linux has an ID for it."""
    try:
        return _BOOT_ID.read_bytes().strip()
    except OSError:
        return f"about {time.time() - time.monotonic():.0f}".encode()  # that clock began with the machine

"""How much archives may hold, with all that lies packed in them: a few kilobytes can claim terabytes."""

from __future__ import annotations

from pathlib import Path

from adit_cli.errors import DataError

GROWTH = 200
"""How often its own size an archive may hold; images shrink to a tenth at best, black ones further."""
ALLOWANCE = 1 << 30
"""What even the smallest archive may hold."""
MOST_MEMBERS = 1_000_000
UNLOCKING = "give its password in $ADIT_ARCHIVE_PASSWORD, or as `archive: {password: ...}` of the folder"


class LockedError(DataError):
    """An archive cannot be read without its password, and none or another was given."""


class Measure:
    """What is left of what may come out of an archive; archives in it draw on the same."""

    def __init__(self, archive: Path) -> None:
        self._octets = max(ALLOWANCE, GROWTH * archive.stat().st_size)
        self._members = MOST_MEMBERS

    def take(self, archive: Path, octets: int, members: int = 0) -> None:
        """Take note of what an archive holds; DataError where that is more than is left."""
        if octets > self._octets or members > self._members:
            raise too_large(archive)
        self._octets -= octets
        self._members -= members


def locked(archive: Path, what: str) -> LockedError:
    """Return what is said of an archive that our password, or none, does not open."""
    return LockedError(f"{archive.name} {what}", hint=UNLOCKING)


def too_large(archive: Path) -> DataError:
    """Return what is said of an archive that is left alone."""
    return DataError(f"{archive.name} would unpack to more than {GROWTH} times its size, and is left alone")

"""UIDs in words, for messages only."""

from __future__ import annotations


def uid_name(uid: str) -> str:
    """Return what the standard calls a UID, or the UID itself."""
    from pydicom.uid import UID  # noqa: PLC0415 - slow to load, and only messages need it

    return UID(uid).name.partition(":")[0].strip()

"""New UIDs for old ones: the same key gives the same UID in every file, job and machine.

Keyed, because vendor UIDs hold serial numbers and times and a plain hash of them can be searched through.
"""

from __future__ import annotations

import hmac
from functools import lru_cache

STANDARD_ROOT = b"1.2.840.10008."
"""UIDs under this root name things of the standard itself: SOP classes, transfer syntaxes, coding schemes."""


def subkey(key: bytes, label: str) -> bytes:
    """Return a key of its own for one purpose, so that no value tells of another of the same secret."""
    return hmac.digest(key, b"adit-cli/" + label.encode(), "sha256")


def new_uid(key: bytes, uid: str) -> str:
    """Return what stands for `uid` under the project's key: `2.25.` and 128 bits (PS3.5 §B.2)."""
    return _derived(subkey(key, "uid"), uid.encode()).decode()


@lru_cache(maxsize=1 << 14)
def _derived(key: bytes, uid: bytes) -> bytes:
    return b"2.25.%d" % int.from_bytes(hmac.digest(key, uid, "sha256")[:16], "big")


def replace_uids(key: bytes, value: bytes) -> bytes:
    """Return a raw UI value, single or multiple, with every UID that is not the standard's own replaced."""
    uids = (uid.strip(b" \0") for uid in value.split(b"\\"))
    replaced = b"\\".join(uid if _stays(uid) else _derived(key, uid) for uid in uids)
    return replaced + b"\0" * (len(replaced) % 2)


def _stays(uid: bytes) -> bool:
    return not uid or uid.startswith(STANDARD_ROOT)

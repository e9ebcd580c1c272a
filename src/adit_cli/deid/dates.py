"""Move dates by whole days, so that a patient's intervals and times of day stay what they were."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from datetime import date, timedelta

DAYS_A_WEEK = 7
_DA = re.compile(rb"\s*(\d{4})\.?(\d{2})\.?(\d{2})[\s\0]*")
_DT = re.compile(rb"\s*(\d{4})(\d{2})(\d{2})(\d{0,6}(?:\.\d{1,6})?(?:[+-]\d{4})?)[\s\0]*")


def shift_of(key: bytes, patient: bytes, days: tuple[int, int], *, keep_weekday: bool) -> int:
    """Return by how many days a patient's dates move back; the same in every job with the same key."""
    low, high = days
    step = DAYS_A_WEEK if keep_weekday else 1
    first = -(-low // step)
    drawn = int.from_bytes(hmac.digest(key, patient, "sha256")[:8], "big")
    return step * (first + drawn % (high // step - first + 1))


def shift_da(value: bytes, days: int) -> bytes:
    """Return a raw DA value moved back by `days`; what is no date becomes empty."""
    return _each(value, days, _shifted_da)


def shift_dt(value: bytes, days: int) -> bytes:
    """Return a raw DT value with its date moved back by `days`; what names no day becomes empty."""
    return _each(value, days, _shifted_dt)


def year_only(value: bytes, *, oldest: int) -> bytes:
    """Return the first of January of a DA value's year, of `oldest` where that year is earlier."""
    found = _DA.fullmatch(value)
    return b"%04d0101" % max(int(found[1]), oldest) if found else b""


def year_of(value: bytes) -> int | None:
    """Return the year of a raw DA or DT value, None where it has none."""
    found = _DT.match(value) or _DA.match(value)
    return int(found[1]) if found else None


def _each(value: bytes, days: int, shifted: Callable[[bytes, int], bytes]) -> bytes:
    if not value.strip(b" \0"):
        return b""
    moved = b"\\".join(shifted(part, days) for part in value.split(b"\\"))
    return moved + b" " * (len(moved) % 2)


def _shifted_da(value: bytes, days: int) -> bytes:
    found = _DA.fullmatch(value)
    return _moved(found, days) if found else b""


def _shifted_dt(value: bytes, days: int) -> bytes:
    found = _DT.fullmatch(value)
    moved = _moved(found, days) if found else b""
    return moved + found[4] if found and moved else b""


def _moved(found: re.Match[bytes], days: int) -> bytes:
    try:
        day = date(int(found[1]), int(found[2]), int(found[3])) - timedelta(days)
    except (ValueError, OverflowError):
        return b""
    return b"%04d%02d%02d" % (day.year, day.month, day.day)

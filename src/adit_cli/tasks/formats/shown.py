"""Say what a spreadsheet shows where it keeps a number: leading zeros, dates (ECMA-376 §18.8.30).

Colours, thousands separators and scientific notation are left out: a cohort's numbers are identifiers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import TypeAlias

Show: TypeAlias = Callable[[str], str]
"""Turns a stored number into the text of its cell; ValueError says what is wrong with it."""

_BUILTIN = {0: "General", 1: "0"}
_BUILTIN_DATES = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
_NO_DATE_PART = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?![hms]+\])[^\]]*\]', re.IGNORECASE)
_DATE_PART = re.compile(r"[ymdhs]", re.IGNORECASE)
_TOKEN = re.compile(r'"(?P<quoted>[^"]*)"|\\(?P<escaped>.)|[_*].|\[[^\]]*\]|(?P<digit>[0#?])|(?P<literal>.)')
_PLAIN_LITERALS = frozenset(" -():+")
_DIGITS_KEPT = 15
_DAY_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001  a sheet's dates have no zone
_DAY_ZERO_1904 = datetime(1904, 1, 1)  # noqa: DTZ001  a sheet's dates have no zone
_LEAP_ERROR = 60
"""Before this day Excel is one day off: its 1900 was a leap year."""
NO_DATE = "is no date that a calendar has"
_TOO_LONG = (
    f"is a number of more than {_DIGITS_KEPT} digits, of which a spreadsheet keeps no more;"
    " format the column as text and enter it again"
)


@dataclass(frozen=True, slots=True)
class NumberStyle:
    """How the numbers of a cell are shown."""

    show: Show
    plain: bool
    """Whether nothing but the number itself is shown, so that leading zeros would be lost."""
    date: bool = False
    """Whether the number is shown as a date or a time."""


def number_style(number_id: int, code: str | None, *, since_1904: bool) -> NumberStyle:
    """Return the style of a format's number and code; the code is None for those that are built in."""
    first = (code if code is not None else _BUILTIN.get(number_id, "General")).split(";")[0]
    if (code is None and number_id in _BUILTIN_DATES) or _is_date(first):
        return NumberStyle(_shown_date_1904 if since_1904 else _shown_date, plain=False, date=True)
    mask = _mask(first)
    return NumberStyle(mask, plain=False) if mask else NumberStyle(plain_number, plain=True)


def _is_date(code: str) -> bool:
    return code.lower() != "general" and _DATE_PART.search(_NO_DATE_PART.sub("", code)) is not None


@lru_cache(maxsize=4096)
def plain_number(stored: str) -> str:
    """Return a number as it is, without what a computer adds to it."""
    value = _number(stored)
    if not math.isfinite(value) or abs(value) >= 10**_DIGITS_KEPT:
        raise ValueError(_TOO_LONG)
    return str(int(value)) if value.is_integer() else f"{value:.{_DIGITS_KEPT}g}"


@dataclass(frozen=True, slots=True)
class _Mask:
    """Shows whole numbers through a mask such as `00000` or `000-000`; others as they are."""

    parts: tuple[tuple[str, bool], ...]
    """Characters from right to left, and whether each takes a digit."""
    last: int
    """The part that takes all digits that are left."""

    def __call__(self, stored: str) -> str:
        text = plain_number(stored)
        if not text.isdecimal():
            return text
        shown: list[str] = []
        for place, (part, takes_digit) in enumerate(self.parts):
            if not takes_digit:
                shown.append(part)
                continue
            cut = 0 if place == self.last else max(len(text) - 1, 0)
            shown.append(text[cut:] or ("0" if part == "0" else ""))
            text = text[:cut]
        return "".join(reversed(shown))


def _mask(code: str) -> _Mask | None:
    """Return the mask that a format is; None where it shows no more than the number."""
    parts: list[tuple[str, bool]] = []
    for token in _TOKEN.finditer(code):
        if token["literal"] and token["literal"] not in _PLAIN_LITERALS:
            return None
        text = token["digit"] or token["quoted"] or token["escaped"] or token["literal"] or ""
        parts += [(text, token["digit"] is not None)] if text else []
    digits = [place for place, (_, takes_digit) in enumerate(reversed(parts)) if takes_digit]
    if not digits or [text for text, _ in parts] in (["0"], ["#"]):
        return None
    return _Mask(tuple(reversed(parts)), digits[-1])


@lru_cache(maxsize=4096)
def _shown_date(stored: str) -> str:
    days = _number(stored)
    if days <= 0:
        raise ValueError(NO_DATE)
    return _written(_DAY_ZERO, days if days >= _LEAP_ERROR or days < 1 else days + 1)


@lru_cache(maxsize=4096)
def _shown_date_1904(stored: str) -> str:
    return _written(_DAY_ZERO_1904, _number(stored))


def _number(stored: str) -> float:
    try:
        return float(stored)
    except ValueError:
        raise ValueError("is no number although the sheet says so") from None


def shown_moment(value: datetime | date | time | timedelta) -> str:
    """Return a date or a time that is one already as ISO 8601 has it, to the second."""
    match value:
        case timedelta():
            return _written(_DAY_ZERO, value / timedelta(days=1))
        case datetime():
            return _iso((value + timedelta(milliseconds=500)).replace(microsecond=0))
        case date():
            return f"{value:%Y-%m-%d}"
        case time():
            return f"{value:%H:%M:%S}"


def _written(zero: datetime, days: float) -> str:
    """Return a date as ISO 8601 has it, with its time where it has one; under a day it is a time alone."""
    try:
        moment = zero + timedelta(seconds=round(days * 86400))
    except (OverflowError, ValueError) as error:
        raise ValueError(NO_DATE) from error
    if 0 < days < 1:
        return f"{moment:%H:%M:%S}"
    return _iso(moment)


def _iso(moment: datetime) -> str:
    at_midnight = moment.hour == moment.minute == moment.second == 0
    return f"{moment:%Y-%m-%d}" if at_midnight else f"{moment:%Y-%m-%dT%H:%M:%S}"

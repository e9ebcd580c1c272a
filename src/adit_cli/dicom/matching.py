"""Three-valued matching of attribute values (PS3.4 §C.2.2.2), and the days that a date expression names.

A value that a node did not return is unknown, neither a match nor a mismatch; whoever asks decides
whether to look one level deeper. Numbers and times are in `ranges`, text in `patterns`.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum

from adit_cli.errors import UsageError


class Match(Enum):
    """Whether a found attribute satisfies a rule; UNKNOWN when the node did not say."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"

    def negated(self) -> Match:
        """Return the answer to the opposite question; unknown stays unknown."""
        return {Match.YES: Match.NO, Match.NO: Match.YES}.get(self, Match.UNKNOWN)


def as_match(*, matched: bool) -> Match:
    """Return the certain answer."""
    return Match.YES if matched else Match.NO


def all_of(answers: Iterable[Match]) -> Match:
    """Return NO if any is NO, else UNKNOWN if any is UNKNOWN, else YES."""
    found = set(answers)
    return Match.NO if Match.NO in found else Match.UNKNOWN if Match.UNKNOWN in found else Match.YES


def any_of(answers: Iterable[Match]) -> Match:
    """Return YES if any is YES, else UNKNOWN if any is UNKNOWN, else NO."""
    found = set(answers)
    return Match.YES if Match.YES in found else Match.UNKNOWN if Match.UNKNOWN in found else Match.NO


class PatternError(UsageError, ValueError):
    """A pattern, range or date expression cannot be used; the message says how to write it."""


def values_of(value: str) -> list[str]:
    """Return the single values of an attribute, without the padding that is not significant."""
    return [part.strip(" \0") for part in value.split("\\")]


@dataclass(frozen=True, slots=True)
class DateRange:
    """Days from `start` to `end`, both included; None is open."""

    start: date | None
    end: date | None
    text: str = ""

    def __str__(self) -> str:
        return self.text or self.key()

    def key(self) -> str:
        """Return the range as a matching key (PS3.4 §C.2.2.2.5)."""
        if self.start == self.end:
            return _as_da(self.start)
        return f"{_as_da(self.start)}-{_as_da(self.end)}"

    def contains(self, day: date) -> bool:
        """Return whether the day lies in the range."""
        return (self.start is None or self.start <= day) and (self.end is None or day <= self.end)

    def matches(self, value: str | None) -> Match:
        """Return whether any of the attribute's dates lies in the range."""
        if value is None:
            return Match.UNKNOWN
        days = [parse_da(part) for part in values_of(value)]
        return as_match(matched=any(day is not None and self.contains(day) for day in days))


def parse_da(value: str) -> date | None:
    """Return a DA value as a day, also of the old form `2024.01.31`; None if it is no date (PS3.5 §6.2)."""
    try:
        return date(*_ymd(value.replace(".", "")))
    except ValueError:
        return None


_HOW = "write 2024-01-31, 2024-01, 2024, 2024-01-01..2024-03-31, 20240101-20240331, yesterday or last 7 days"
_ISO_DAY = re.compile(r"(?P<year>\d{4})(?:-(?P<month>\d{2})(?:-(?P<day>\d{2}))?)?")
_LAST = re.compile(r"last (?P<count>\d{1,4}) (?P<unit>day|week|month|year)s?")
_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "year": 12}


def parse_study_date(text: str, today: date) -> DateRange:
    """Return the days that a date expression names.

    `last 7 days` reaches from the same weekday a week ago up to today, so it never misses a day.
    """
    words = " ".join(text.casefold().split())
    if not words:
        raise PatternError(f"an empty date: {_HOW}")
    start, end = _days(words, today)
    if start is not None and end is not None and start > end:
        raise PatternError(f"{text!r} ends before it begins: write the earlier date first")
    return DateRange(start, end, text.strip())


def _days(words: str, today: date) -> tuple[date | None, date | None]:
    last = _LAST.fullmatch(words)
    if last is not None:
        return _back(today, int(last["count"]), last["unit"]), today
    if ".." in words:
        first, _, second = (part.strip() for part in words.partition(".."))
    elif "-" in words and not _ISO_DAY.fullmatch(words):
        first, _, second = (part.strip() for part in words.partition("-"))
        if not {len(first), len(second)} <= {0, 8}:
            raise PatternError(f"{words!r} is not a date: {_HOW}")
    else:
        return _one(words, today)
    if not first and not second:
        raise PatternError(f"{words!r} is a range without a beginning or an end: {_HOW}")
    return (_one(first, today)[0] if first else None, _one(second, today)[1] if second else None)


def _one(word: str, today: date) -> tuple[date, date]:
    """Return the first and the last day of a day, month or year."""
    if word in {"today", "yesterday"}:
        day = today - timedelta(days=word == "yesterday")
        return day, day
    try:
        iso = _ISO_DAY.fullmatch(word)
        if iso is None:
            day = date(*_ymd(word))
            return day, day
        return _period(int(iso["year"]), iso["month"], iso["day"])
    except ValueError:
        raise PatternError(f"{word!r} is not a date: {_HOW}") from None


def _period(year: int, month: str | None, day: str | None) -> tuple[date, date]:
    if day is not None:
        exact = date(year, int(month or 0), int(day))
        return exact, exact
    first = date(year, int(month or 1), 1)
    return first, _last_day(first if month else first.replace(month=12))


def _ymd(digits: str) -> tuple[int, int, int]:
    if re.fullmatch(r"[0-9]{8}", digits) is None:
        raise ValueError(digits)
    return int(digits[:4]), int(digits[4:6]), int(digits[6:])


def _last_day(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])


def _months_later(first: date, months: int) -> date:
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    return date(year, month + 1, 1)


def _back(today: date, count: int, unit: str) -> date:
    """Return the day so long ago; a month is a calendar month, cut to its last day where it is shorter."""
    try:
        if unit in _DAYS:
            return today - timedelta(days=count * _DAYS[unit])
        first = _months_later(today.replace(day=1), -count * _MONTHS[unit])
    except (ValueError, OverflowError):
        raise PatternError(f"'last {count} {unit}s' reaches back before the calendar begins") from None
    return first.replace(day=min(today.day, _last_day(first).day))


def _as_da(day: date | None) -> str:
    return f"{day:%Y%m%d}".rjust(8, "0") if day else ""

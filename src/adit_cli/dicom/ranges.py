"""Ranges of numbers and of times of day that an attribute's value may lie in."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from adit_cli.dicom.matching import Match, PatternError, any_of, as_match, values_of


@dataclass(frozen=True, slots=True)
class NumberRange:
    """Numbers from `low` to `high`, both included; infinity is open."""

    low: float
    high: float
    text: str

    def __str__(self) -> str:
        return self.text

    def contains(self, number: float) -> bool:
        """Return whether the number lies in the range."""
        return self.low <= number <= self.high

    def matches(self, value: str | None) -> Match:
        """Return whether any of the attribute's numbers (IS, DS) lies in the range."""
        if value is None:
            return Match.UNKNOWN
        return as_match(matched=any(_in_range(part, self) for part in values_of(value)))


def _in_range(part: str, wanted: NumberRange) -> bool:
    try:
        return wanted.contains(float(part))
    except ValueError:
        return False


def parse_number_range(text: str) -> NumberRange:
    """Return the range that `5`, `1..5`, `5..` or `..5` names."""
    first, dots, second = (part.strip() for part in text.partition(".."))
    try:
        low = float(first) if first else -math.inf
        high = (float(second) if second else math.inf) if dots else low
    except ValueError:
        low, high = math.nan, math.nan
    if math.isnan(low) or math.isnan(high) or (math.isinf(low) and math.isinf(high)):
        raise PatternError(f"{text!r} is not a number or a range: write 5, 1..5, 5.. or ..5")
    if low > high:
        raise PatternError(f"{text!r} ends before it begins: write the smaller number first")
    return NumberRange(low, high, text.strip())


@dataclass(frozen=True, slots=True)
class NumberRule:
    """One or more ranges of numbers, of which any may hold any of an attribute's values."""

    ranges: tuple[NumberRange, ...]

    def __str__(self) -> str:
        return "\\".join(map(str, self.ranges))

    def matches(self, value: str | None) -> Match:
        """Return whether the attribute matches; a value that is no number does not."""
        return any_of(wanted.matches(value) for wanted in self.ranges)


def parse_numbers(texts: Sequence[str]) -> NumberRule:
    """Return the rule for these numbers and ranges."""
    if not texts:
        raise PatternError("an empty list matches nothing: name at least one number, or leave the key out")
    return NumberRule(tuple(map(parse_number_range, texts)))


_TM = re.compile(r"(?:[01]\d|2[0-3])(?::?[0-5]\d(?::?(?:[0-5]\d|60)(?:\.\d{1,6})?)?)?")
"""A time of day, or the beginning of one; the second 60 is a leap second (PS3.5 §6.2, TM)."""


@dataclass(frozen=True, slots=True)
class TimeRange:
    """Times of day as a matching key writes them: `0800-1730`, `0800-`, `-12` (PS3.4 §C.2.2.2.5)."""

    low: str
    high: str
    text: str

    def __str__(self) -> str:
        return self.text

    def key(self) -> str:
        """Return the range as a matching key, from the first to the last moment that is meant."""
        low = "" if self.text.startswith("-") else self.low.removesuffix(".000000")
        return f"{low}-{'' if self.text.endswith('-') else self.high}"

    def matches(self, value: str | None) -> Match:
        """Return whether any of the attribute's times lies in the range."""
        if value is None:
            return Match.UNKNOWN
        times = [_padded(part, "000000.000000") for part in values_of(value)]
        return as_match(matched=any(time is not None and self.low <= time <= self.high for time in times))


def parse_times(text: str) -> TimeRange:
    """Return the range that a TM matching key names; a part of a time stands for all it may begin."""
    first, dash, second = (part.strip() for part in text.partition("-"))
    low = _padded(first or "00", "000000.000000")
    high = _padded((second or "23") if dash else first or "?", "595959.999999")
    if low is None or high is None or not (first or second):
        raise PatternError(f"{text!r} is not a time or a range of times: write 0800-1730, 0800- or -1730")
    if low > high:
        raise PatternError(f"{text!r} ends before it begins: a night is two ranges, one to midnight")
    return TimeRange(low, high, text.strip())


def _padded(value: str, rest: str) -> str | None:
    found = _TM.fullmatch(value)
    if found is None:
        return None
    digits = value.replace(":", "")
    return digits + rest[len(digits) :]

"""All studies of a server that gives only its first ones: asked for by ever fewer days.

Such a server ignores `offset`. An answer shorter than the one that was cut is whole; one that isn't is asked
for again in two halves, down to a single day.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from adit_cli.dicom.query import Attributes
from adit_cli.nodes.dicomweb.search import UNIQUE, Level, identity

_FIRST, _LAST = date(1900, 1, 1), date(2100, 12, 31)


class CannotHalveError(Exception):
    """The days do not help: a single one has more than the server gives, or it ignores them."""


@dataclass(frozen=True, slots=True)
class Days:
    """A range of days, open where the outermost day is the first or last that we know of."""

    start: date = _FIRST
    end: date = _LAST

    def key(self) -> str:
        """Return it as a matching key (PS3.4 §C.2.2.2.5)."""
        start = "" if self.start == _FIRST else f"{self.start:%Y%m%d}"
        end = "" if self.end == _LAST else f"{self.end:%Y%m%d}"
        return start if start == end else f"{start}-{end}"

    def holds(self, day: date) -> bool:
        """Return whether a day is one of them; the ends may be open."""
        return (self.start == _FIRST or self.start <= day) and (self.end == _LAST or day <= self.end)

    def halves(self, found: list[date]) -> tuple[Days, Days]:
        """Return two ranges with about as many of the studies found in each."""
        if self.start == self.end or not found:
            raise CannotHalveError
        middle = sorted(found)[(len(found) - 1) // 2]
        middle = min(max(middle, self.start), self.end - timedelta(days=1))
        return replace(self, end=middle), replace(self, start=middle + timedelta(days=1))


def by_days(
    first_page: Callable[[Mapping[str, str]], list[Attributes]],
    keys: Mapping[str, str],
    cut: list[Attributes],
) -> list[Attributes]:
    """Return all studies that match, where `cut` is the answer to them that may not be whole.

    CannotHalveError where that cannot be proven.
    """
    waiting = [(_days_of(keys.get("StudyDate", "")), cut)]
    found: dict[str, Attributes] = {}
    while waiting:
        days, answers = waiting.pop()
        for half in days.halves([_day(study) for study in answers]):
            within = first_page({**keys, "StudyDate": half.key()})
            if not all(half.holds(_day(study)) for study in within):
                raise CannotHalveError
            found |= {identity(study, UNIQUE[Level.STUDY]): study for study in within}
            if len(within) >= len(cut):
                waiting.append((half, within))
    if not {identity(study, UNIQUE[Level.STUDY]) for study in cut} <= found.keys():
        raise CannotHalveError
    return list(found.values())


def _days_of(key: str) -> Days:
    start, dash, end = key.partition("-")
    first, last = (_parsed(start) if start else _FIRST), (_parsed(end) if end else _LAST)
    return Days(first, last if dash or not start else first)


def _day(study: Attributes) -> date:
    return _parsed(study.get("StudyDate", ""))


def _parsed(text: str) -> date:
    digits = text.replace(".", "")
    if len(digits) != len("20240131") or not digits.isdecimal():
        raise CannotHalveError
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError as error:
        raise CannotHalveError from error

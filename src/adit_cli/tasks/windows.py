"""Find all studies of a query, also from an archive that stops after so many answers without a word.

An answer that looks cut is asked again in halves: of the days, then of the day, down to half an hour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TypeAlias

from adit_cli.dicom.matching import DateRange
from adit_cli.dicom.query import Attributes
from adit_cli.nodes.base import Source
from adit_cli.tasks.resolve import find_studies

SUSPICIOUS = 100
"""Archives cap at round numbers (200, 500, 1024 …); a smaller one is more likely the truth."""
FIRST_DAY = date(1970, 1, 1)
SHORTEST = 30
"""Minutes of the shortest window."""
_DAY = 24 * 60

Studies: TypeAlias = dict[str, list[Attributes]]


@dataclass(frozen=True, slots=True)
class Window:
    """Days, or minutes of one day, in which studies are looked for."""

    start: date
    end: date
    minutes: tuple[int, int] = (0, _DAY)

    def keys(self) -> Attributes:
        """Return the matching keys for this window."""
        keys = {"StudyDate": DateRange(self.start, self.end).key()}
        first, last = self.minutes
        if self.minutes != (0, _DAY):
            keys["StudyTime"] = f"{_clock(first)}00-{_clock(last - 1)}59.999999"
        return keys

    def halves(self) -> tuple[Window, ...]:
        """Return the window in two; nothing where it is as short as it gets."""
        if self.start < self.end:
            middle = self.start + (self.end - self.start) // 2
            return replace(self, end=middle), replace(self, start=middle + timedelta(days=1))
        first, last = self.minutes
        middle_minute = first + (last - first) // 2
        if middle_minute - first < SHORTEST:
            return ()
        return replace(self, minutes=(first, middle_minute)), replace(self, minutes=(middle_minute, last))


class WindowedFind:
    """One query, asked in as many windows as it takes."""

    def __init__(self, source: Source, keys: Mapping[str, str], cap: int | None = None) -> None:
        self._source = source
        self._keys = keys
        self._cap = cap
        self._found: dict[tuple[str, str], Attributes] = {}
        self.cut: list[str] = []
        """Windows that may have been cut although nothing shorter can be asked."""

    def all(self, days: DateRange | None, today: date) -> list[Attributes]:
        """Return what the source has, each study of each patient once."""
        window = Window(*_bounds(days, today))
        answers = self._ask(self._keys)
        if self._looks_cut(len(answers)) and "StudyTime" not in self._keys:
            self._split(window)
        return list(self._found.values())

    def _split(self, window: Window) -> None:
        halves = window.halves()
        if not halves:
            self.cut.append(f"{window.start:%Y-%m-%d} {_clock(window.minutes[0])}")
            return
        for half in halves:
            if self._looks_cut(len(self._ask({**self._keys, **half.keys()}))):
                self._split(half)

    def _ask(self, keys: Mapping[str, str]) -> list[Attributes]:
        answers = find_studies(self._source, keys)
        for study in answers:
            self._found.setdefault((study["StudyInstanceUID"], study.get("PatientID", "")), study)
        return answers

    def _looks_cut(self, count: int) -> bool:
        if self._cap is not None:
            return count >= self._cap
        return count >= SUSPICIOUS and (count % 50 == 0 or count.bit_count() == 1)


def _bounds(days: DateRange | None, today: date) -> tuple[date, date]:
    """Return where to begin and end; tomorrow, since clocks of modalities differ from ours."""
    start = days.start if days is not None else None
    end = days.end if days is not None else None
    return start or FIRST_DAY, end or max(today + timedelta(days=1), start or FIRST_DAY)


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}{minute % 60:02d}"

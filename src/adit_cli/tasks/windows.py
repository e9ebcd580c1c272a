"""Find all studies of a query, also from an archive that stops after so many answers without a word.

An answer that looks cut is asked again in halves: of the days, then of the day, down to half an hour. What
cannot be shown to be whole even then is told, never passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import TypeAlias

from adit_cli.dicom.matching import DateRange
from adit_cli.dicom.query import Attributes, Level
from adit_cli.errors import CutShortError, Reason, TransientNodeError
from adit_cli.nodes.base import Source

SUSPICIOUS = 100
"""Archives cap at round numbers (200, 500, 1024 …); a smaller one is more likely the truth."""
FIRST_DAY = date(1900, 1, 1)
SHORTEST = 30
"""Minutes of the shortest window."""
_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Window:
    """Days, or minutes of one day, in which studies are looked for."""

    start: date
    end: date
    minutes: tuple[int, int] = (0, _DAY)
    opens: tuple[bool, bool] = (False, False)
    """Whether all that is earlier belongs to it, and all that is later."""

    def __str__(self) -> str:
        days = f"{self.start}" if self.start == self.end else f"{self.start} to {self.end}"
        if self.minutes == (0, _DAY):
            return days
        first, last = (f"{minute // 60:02d}:{minute % 60:02d}" for minute in self.minutes)
        return f"{days} {first} to {last}"

    @property
    def days(self) -> DateRange:
        """The days, without an end where it is open."""
        return DateRange(None if self.opens[0] else self.start, None if self.opens[1] else self.end)

    def keys(self) -> Attributes:
        """Return the matching keys for this window."""
        keys = {"StudyDate": self.days.key()}
        first, last = self.minutes
        if self.minutes != (0, _DAY):
            keys["StudyTime"] = f"{_clock(first)}00-{_clock(last - 1)}59.999999"
        return keys

    def halves(self, *, into_times: bool = True) -> tuple[Window, ...]:
        """Return the window in two; nothing where it is as short as it gets."""
        if self.start < self.end:
            middle = self.start + (self.end - self.start) // 2
            early, late = self.opens
            return (
                replace(self, end=middle, opens=(early, False)),
                replace(self, start=middle + timedelta(days=1), opens=(False, late)),
            )
        first, last = self.minutes
        half = (last - first) // 2 // SHORTEST * SHORTEST
        if half < SHORTEST or not into_times:
            return ()
        return replace(self, minutes=(first, first + half)), replace(self, minutes=(first + half, last))


@dataclass(slots=True)
class Cap:
    """How many answers a node gives to one query at most: as configured, or as it gave itself away."""

    known: int | None = None
    _counts: set[int] = field(default_factory=set[int])
    _longest: int = 0

    def is_longest(self, count: int) -> bool:
        """Return whether no answer was longer: a node that has given more did not cut one that is shorter."""
        longest = self.known is None and count >= max(self._longest, SUSPICIOUS)
        self._longest = max(self._longest, count)
        return longest

    def looks_reached(self, count: int, *, same: bool = False) -> bool:
        """Return whether an answer of so many may be cut; `same` are those of the wider query before.

        The same round number for two different answers is taken for the node's cap from then on; any number
        that comes twice is looked into.
        """
        if self.known is not None:
            return count >= self.known
        if count < SUSPICIOUS:
            return False
        again, is_round = count in self._counts, count % 50 == 0 or count.bit_count() == 1
        self._counts.add(count)
        if again and is_round and not same:
            self.known = count
        return is_round or (again and not same)

    def prove(self, count: int) -> None:
        """Note that an answer of so many was cut."""
        self.known = self.known or count


KeysOf: TypeAlias = Callable[[Window | None], Mapping[str, str]]
"""Returns what is asked of a window; None is all of time."""


class WindowedFind:
    """One query, asked in as many windows as it takes."""

    def __init__(self, source: Source, keys_of: KeysOf, cap: Cap, today: date) -> None:
        self._source = source
        self._keys_of = keys_of
        self._cap = cap
        self._all_of_time = Window(FIRST_DAY, today + timedelta(days=1), opens=(True, True))
        self._into_times = not keys_of(None).get("StudyTime")
        self._found: dict[tuple[str, str], Attributes] = {}
        self.cut: list[Window] = []
        """Windows that may have been cut although nothing shorter can be asked."""
        self.beyond: list[Window] = []
        """Windows with studies that shorter windows do not reach, since they have no date or time there."""
        self.blind: set[str] = set()
        """What studies must have to be found in shorter windows, where an answer was cut."""

    def all(self, window: Window | None) -> list[Attributes]:
        """Return what the source has in a window, each study of each patient once."""
        self._search(window)
        return list(self._found.values())

    def _search(self, window: Window | None, wider_uids: Collection[str] = ()) -> set[str]:
        """Return the UIDs of the studies in a window, gone through in halves where an answer looks cut."""
        uids, count, is_cut = self._ask(window, wider_uids)
        if not (self._cap.is_longest(count) or is_cut):
            return uids
        wider = window or self._all_of_time
        halves = wider.halves(into_times=self._into_times)
        below = {uid for half in halves for uid in self._search(half, uids)}
        was_cut = not below.issubset(uids) or not count
        if is_cut and not halves:
            self.cut.append(wider)
        elif (is_cut or was_cut) and not below.issuperset(uids):
            self.beyond.append(wider)
        if was_cut:
            self._note_cut(window, count)
        return uids | below

    def _note_cut(self, window: Window | None, count: int) -> None:
        """Note what an answer that was cut tells of the node, and of what may be missing."""
        if count:
            self._cap.prove(count)
        if window is None:
            self.blind.add("StudyDate")
        elif window.start == window.end and window.minutes == (0, _DAY) and self._into_times:
            self.blind.add("StudyTime")

    def _ask(self, window: Window | None, wider_uids: Collection[str]) -> tuple[set[str], int, bool]:
        """Return what one query finds, and whether it may be cut; some nodes refuse too much.

        The number of answers is 0 where it was not that which gave the cut away.
        """
        is_cut = False
        try:
            answers: Sequence[Attributes] = self._source.find(Level.STUDY, self._keys_of(window))
        except CutShortError as error:
            answers, is_cut = error.answers, True
        except TransientNodeError as error:
            if error.reason is not Reason.REFUSED or not self._may_be_halved(window):
                raise
            return set(), 0, True
        studies = [study for study in answers if study.get("StudyInstanceUID")]
        for study in studies:
            self._found.setdefault((study["StudyInstanceUID"], study.get("PatientID", "")), study)
        uids = {study["StudyInstanceUID"] for study in studies}
        if is_cut:
            return uids, 0, True
        return uids, len(answers), self._cap.looks_reached(len(answers), same=uids == wider_uids)

    def _may_be_halved(self, window: Window | None) -> bool:
        return bool((window or self._all_of_time).halves(into_times=self._into_times))


def partitions(days: DateRange | None, partition: str, today: date) -> list[Window | None]:
    """Return the windows that a range of dates is asked in; without a range, all of time at once.

    The last part of a range without an end begins at the latest tomorrow, since clocks of modalities differ
    from ours, and is open.
    """
    if days is None:
        return [None]
    end = days.end or max(today + timedelta(days=1), days.start or FIRST_DAY)
    windows: list[Window | None] = []
    start = days.start
    if start is None:
        start = _first_part(end)
        last = start - timedelta(days=1)
        windows.append(Window(min(FIRST_DAY, last), last, opens=(True, False)))
    if partition == "auto" and end - start <= _SHORT:
        return [*windows, Window(start, end, opens=(False, days.end is None))]
    while start <= end:
        last = min(_last_of(partition, start), end)
        windows.append(Window(start, last, opens=(False, last == end and days.end is None)))
        start = last + timedelta(days=1)
    return windows


_SHORT = timedelta(days=31)
_YEARS = 10


def _first_part(end: date) -> date:
    """Return where the parts of a range without a beginning begin; what is older is one part."""
    return end.replace(year=end.year - _YEARS, month=1, day=1)


def _last_of(partition: str, start: date) -> date:
    match partition:
        case "day":
            return start
        case "week":
            return start + timedelta(days=6 - start.weekday())
        case _:
            following = (start.replace(day=28) + timedelta(days=4)).replace(day=1)
            return following - timedelta(days=1)


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}{minute % 60:02d}"

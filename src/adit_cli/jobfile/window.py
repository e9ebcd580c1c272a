"""When a node may be used, as people write it: `Mon-Fri 19:00-06:00`. Pure arithmetic over a given time.

A window begins on the days it names and may end on the next one. Times are what the wall clock shows: one
that a change of the clocks skips is the moment of the change, one that comes twice is its first coming.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator

from adit_cli.jobfile.values import as_many

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
EVERY_DAY = ("", "daily")
WEEK = len(DAYS)
DAY = 24 * 60
"""Minutes of a day."""
EXAMPLE = "`Mon-Fri 19:00-06:00`, `Sat-Sun` or `22:00-05:30`"
NEVER = float("inf")
_FORM = re.compile(
    r"(?P<days>[A-Za-z][A-Za-z, -]*?)?\s*(?:(?P<begin>\d{1,2}:\d{2})\s*-\s*(?P<end>\d{1,2}:\d{2}))?"
)
_LONG = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class Window:
    """Minutes of some days of the week; those after the first midnight belong to the next day."""

    text: str
    days: tuple[int, ...]
    """The days it begins on; Monday is 0."""
    begin: int
    end: int
    """After `begin`; more than a day's minutes where it ends on the next day."""

    def minutes(self) -> int:
        """Return the minutes of the week that it covers, as bits."""
        one = (1 << (self.end - self.begin)) - 1
        return _around(sum(one << (day * DAY + self.begin) for day in self.days))


def _around(bits: int) -> int:
    """Return the bits with those after Sunday on Monday."""
    return (bits | bits >> WEEK * DAY) & ALL_WEEK


ALL_WEEK = (1 << WEEK * DAY) - 1


def parse_window(value: object) -> Window:
    """Return the window that a text names; ValueError says what is wrong with it."""
    if isinstance(value, Window):
        return value
    text = " ".join(str(value).split())
    form = _FORM.fullmatch(text)
    if not text or form is None:
        raise ValueError(f"not a window: write days, times, or both, such as {EXAMPLE}")
    days = _days(form["days"] or "")
    if form["begin"] is None:
        return Window(text, days, 0, DAY)
    begin, end = _minute(form["begin"]), _minute(form["end"])
    if begin == DAY:
        raise ValueError("a window cannot begin at 24:00: write 00:00 of the next day")
    if begin == end:
        raise ValueError(f"begins and ends at {form['begin']}: for whole days leave the times out")
    return Window(text, days, begin, end if end > begin else end + DAY)


def _days(text: str) -> tuple[int, ...]:
    if text.strip().casefold() in EVERY_DAY:
        return tuple(range(WEEK))
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = (piece.strip() for piece in part.partition("-"))
        begin = _day(first)
        span = (_day(last) - begin) % WEEK if dash else 0
        found |= {(begin + step) % WEEK for step in range(span + 1)}
    return tuple(sorted(found))


def _day(name: str) -> int:
    fold = name.casefold()
    for number, long in enumerate(_LONG):
        if fold in {long, long[:3]}:
            return number
    raise ValueError(f"no day is called {name!r}: write {', '.join(DAYS)}, such as {EXAMPLE}")


def _minute(text: str) -> int:
    hour, minute = map(int, text.split(":"))
    if minute >= 60 or hour * 60 + minute > DAY:  # noqa: PLR2004 - a clock's numbers
        raise ValueError(f"{text} is no time of day: write 00:00 to 24:00, such as {EXAMPLE}")
    return hour * 60 + minute


def _some(value: object) -> object:
    """Return what is written as a list; without any it would say never, and mean always."""
    if value == []:
        raise ValueError(f"names no window: leave the key out for always, or write one, such as {EXAMPLE}")
    return as_many(value)


Windows: TypeAlias = tuple[
    Annotated[Window, BeforeValidator(parse_window, json_schema_input_type=str)],
    ...,
]
"""Several hold together: what one of them lets in is let in. None at all is no restriction."""
WrittenWindows: TypeAlias = Annotated[Windows, BeforeValidator(_some, json_schema_input_type=str | list[str])]


def week_of(windows: Iterable[Window]) -> int:
    """Return the minutes of the week that windows let in, as bits; without any, all."""
    bits = 0
    for window in windows:
        bits |= window.minutes()
    return bits or ALL_WEEK


def openings(windows: Windows, now: float, zone: tzinfo | None = None) -> Iterator[tuple[float, float]]:
    """Yield when the windows are open, from the one that is or comes next, without end.

    Times are seconds since 1970. Windows that touch are one; what is always open is open from now on.
    """
    if week_of(windows) == ALL_WEEK:
        yield now, NEVER
        return
    first = datetime.fromtimestamp(now, zone).date() - timedelta(days=1)
    begin = end = -NEVER
    for each_begin, each_end in _each(windows, first, zone):
        if each_begin <= end:
            end = max(end, each_end)
            continue
        if end > now:
            yield max(begin, now), end
        begin, end = each_begin, each_end


def _each(windows: Windows, first: date, zone: tzinfo | None) -> Iterator[tuple[float, float]]:
    """Yield each window of each day; one that a change of the clocks leaves nothing of is left out."""
    day = first
    while True:
        midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - the wall clock's, a zone is put on below
        today = (window for window in windows if day.weekday() in window.days)
        for begin, end in sorted((window.begin, window.end) for window in today):
            span = _moment(midnight, begin, zone), _moment(midnight, end, zone)
            if span[0] < span[1]:
                yield span
        day += timedelta(days=1)


def _moment(midnight: datetime, minute: int, zone: tzinfo | None) -> float:
    """Return the first moment at which the wall clock shows this time or a later one."""
    shown = midnight + timedelta(minutes=minute)
    early, late = sorted(_on_the_clock(shown.replace(fold=fold), zone) for fold in (0, 1))
    if early == late or _shows(early, zone) == shown:
        return early
    low, high = int(early) // 60, int(late) // 60  # skipped: look for the moment of the change
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _shows(middle * 60, zone) < shown else (low, middle)
    return high * 60.0


def _on_the_clock(shown: datetime, zone: tzinfo | None) -> float:
    return shown.replace(tzinfo=zone).timestamp()


def _shows(moment: float, zone: tzinfo | None) -> datetime:
    return datetime.fromtimestamp(moment, zone).replace(tzinfo=None, fold=0)


def together(several: Iterable[Windows], now: float, zone: tzinfo | None = None) -> tuple[float, float]:
    """Return the next time, from now on, that all of several nodes are open; NEVER where they never are."""
    every = list(several)
    common = ALL_WEEK
    for windows in every:
        common &= week_of(windows)
    if not common:
        return NEVER, NEVER
    begin = now
    while True:
        spans = [next(openings(windows, begin, zone)) for windows in every]
        latest = max((span[0] for span in spans), default=begin)
        if latest == begin:
            return begin, min((span[1] for span in spans), default=NEVER)
        begin = latest

from __future__ import annotations

import time
from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from adit_cli.jobfile.window import NEVER, Windows, openings, parse_window, together

BERLIN = ZoneInfo("Europe/Berlin")


def windows(*texts: str) -> Windows:
    return tuple(parse_window(text) for text in texts)


def at(text: str, *, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold).timestamp()


def shown(moment: float) -> str:
    return "never" if moment == NEVER else f"{datetime.fromtimestamp(moment, BERLIN):%a %d %H:%M}"


def spans(now: str, number: int, *texts: str) -> list[str]:
    """Return the next openings as a person would note them."""
    found = islice(openings(windows(*texts), at(now), BERLIN), number)
    return [f"{shown(begin)} - {shown(end)}" for begin, end in found]


@pytest.mark.parametrize(
    ("text", "days", "hours"),
    [
        ("Mon-Fri 19:00-06:00", (0, 1, 2, 3, 4), (19, 30)),
        ("Sat-Sun", (5, 6), (0, 24)),
        ("Fri-Mon", (0, 4, 5, 6), (0, 24)),
        ("daily 22:00-23:00", (0, 1, 2, 3, 4, 5, 6), (22, 23)),
        ("22:00-05:00", (0, 1, 2, 3, 4, 5, 6), (22, 29)),
        ("  monday,WED , Fri-sat   8:00 - 24:00 ", (0, 2, 4, 5), (8, 24)),
        ("Sun 18:00-00:00", (6,), (18, 24)),
        ("daily", (0, 1, 2, 3, 4, 5, 6), (0, 24)),
    ],
)
def test_a_window_is_days_and_times(text: str, days: tuple[int, ...], hours: tuple[int, int]) -> None:
    window = parse_window(text)

    assert (window.days, window.begin, window.end) == (days, hours[0] * 60, hours[1] * 60)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not a window"),
        ("Mon-Fri 19-6", "not a window"),
        ("Mon-Fri 19:00", "not a window"),
        ("Mo-Fr 19:00-06:00", "no day is called 'Mo'"),
        ("Mon,,Tue", "no day is called ''"),
        ("19:00-25:00", "25:00 is no time of day"),
        ("19:60-20:00", "19:60 is no time of day"),
        ("24:00-06:00", "cannot begin at 24:00"),
        ("19:00-19:00", "begins and ends at 19:00"),
        ("19:00-06:00 Mon", "not a window"),
    ],
)
def test_what_is_no_window_is_refused_and_told_why(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_window(text)


def test_a_window_that_passes_midnight_belongs_to_the_day_it_begins_on() -> None:
    assert spans("2024-01-26 12:00", 2, "Mon-Fri 19:00-06:00") == [
        "Fri 26 19:00 - Sat 27 06:00",
        "Mon 29 19:00 - Tue 30 06:00",
    ]
    assert spans("2024-01-27 05:59", 1, "Mon-Fri 19:00-06:00") == ["Sat 27 05:59 - Sat 27 06:00"]
    assert spans("2024-01-27 06:00", 1, "Mon-Fri 19:00-06:00") == ["Mon 29 19:00 - Tue 30 06:00"]


def test_several_windows_add_up_and_those_that_touch_are_one() -> None:
    nights_and_weekends = ("Mon-Fri 19:00-06:00", "Sat-Sun")

    assert spans("2024-01-26 20:00", 2, *nights_and_weekends) == [
        "Fri 26 20:00 - Mon 29 00:00",
        "Mon 29 19:00 - Tue 30 06:00",
    ]
    assert spans("2024-01-29 20:00", 1, "19:00-23:00", "20:00-21:00", "22:00-23:30") == [
        "Mon 29 20:00 - Mon 29 23:30"
    ]


@pytest.mark.parametrize("texts", [(), ("daily",), ("Mon-Fri", "Sat-Sun"), ("06:00-19:00", "18:00-06:00")])
def test_what_leaves_no_minute_out_is_always_open(texts: tuple[str, ...]) -> None:
    assert spans("2024-01-26 20:00", 9, *texts) == ["Fri 26 20:00 - never"]


def test_the_night_of_summer_time_is_an_hour_shorter_and_that_of_winter_time_longer() -> None:
    (spring,) = islice(openings(windows("Sat 19:00-06:00"), at("2024-03-30 12:00"), BERLIN), 1)
    (autumn,) = islice(openings(windows("Sat 19:00-06:00"), at("2024-10-26 12:00"), BERLIN), 1)

    assert [(end - begin) / 3600 for begin, end in (spring, autumn)] == [10, 12]


def test_a_time_that_the_clocks_skip_is_the_moment_they_change() -> None:
    change = at("2024-03-31 03:00")

    assert spans("2024-03-30 12:00", 1, "Sat 19:00-02:30") == ["Sat 30 19:00 - Sun 31 03:00"]
    (skipped,) = islice(openings(windows("Sun 02:30-06:00"), at("2024-03-30 12:00"), BERLIN), 1)
    assert skipped == (change, at("2024-03-31 06:00"))
    assert spans("2024-03-30 12:00", 1, "Sun 02:10-02:50") == ["Sun 07 02:10 - Sun 07 02:50"]


def test_a_time_that_comes_twice_is_its_first_coming() -> None:
    (twice,) = islice(openings(windows("Sun 02:15-02:45"), at("2024-10-26 12:00"), BERLIN), 1)

    assert twice == (at("2024-10-27 02:15"), at("2024-10-27 02:45"))
    assert at("2024-10-27 02:15", fold=1) - twice[0] == 3600
    later = at("2024-10-27 02:30", fold=1)
    assert next(openings(windows("Sun 02:15-02:45"), later, BERLIN))[0] == at("2024-11-03 02:15")


@pytest.mark.parametrize(("zone", "hour"), [("UTC0", 19), ("JST-9", 10), ("EST5", 7)])
def test_without_a_zone_the_machines_own_is_used(
    monkeypatch: pytest.MonkeyPatch, zone: str, hour: int
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    now = datetime(2024, 1, 26, 7, tzinfo=UTC).timestamp()

    begin, end = next(openings(windows("19:00-06:00"), now))
    monkeypatch.undo()
    time.tzset()

    assert datetime.fromtimestamp(begin, UTC).hour == hour
    assert end - begin <= 11 * 3600


def test_nodes_are_open_together_where_all_of_them_are() -> None:
    nights, weekdays = windows("19:00-06:00"), windows("Mon-Fri")

    begin, end = together([nights, (), weekdays], at("2024-01-27 12:00"), BERLIN)

    assert (shown(begin), shown(end)) == ("Mon 29 00:00", "Mon 29 06:00")
    assert together([], 5.0) == (5.0, NEVER)
    assert together([windows("Sat"), weekdays], 5.0, BERLIN) == (NEVER, NEVER)

from __future__ import annotations

import pytest

from adit_cli.cli.wording import duration, for_person, printable, shorten, size, width
from adit_cli.counting import count, first_of


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1500, "1.5 kB"),
        (52_428_800, "52 MB"),
        (1.25e9, "1.2 GB"),
        (3e15, "3000.0 TB"),
    ],
)
def test_sizes_are_short_and_decimal(octets: float, words: str) -> None:
    assert size(octets) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.42, "0.4 s"), (12.3, "12 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
)
def test_durations_have_at_most_two_units(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("number", "noun", "words"),
    [
        (1, "study", "1 study"),
        (0, "study", "0 studies"),
        (2, "series", "2 series"),
        (12000, "file", "12,000 files"),
    ],
)
def test_nouns_follow_their_number(number: int, noun: str, words: str) -> None:
    assert count(number, noun) == words


@pytest.mark.parametrize(
    ("vr", "value", "words"),
    [
        ("DA", "20240131", "2024-01-31"),
        ("DA", "around 1950", "around 1950"),
        ("TM", "130501.123", "13:05"),
        ("PN", "DOE^JOHN^^DR", "DOE, JOHN  DR"),
        ("PN", "YAMADA^TARO=山田^太郎", "YAMADA, TARO"),
        ("CS", "CT\\MR", "CT MR"),
        ("LO", "CT\\MR", "CT\\MR"),
    ],
)
def test_values_are_shown_as_a_person_writes_them(vr: str, value: str, words: str) -> None:
    assert for_person(vr, value) == words


def test_a_value_cannot_steer_the_terminal() -> None:
    shown = printable("evil\x1b[2Jname\nnext")

    assert "\x1b" not in shown
    assert "\n" not in shown
    assert shown.endswith("name next")


def test_a_shortened_uid_keeps_its_end_where_uids_differ() -> None:
    assert shorten("1.2.840.113619.2.55.3.604688119.971", 12, keep_end=True) == "1.2…8119.971"


def test_a_shortened_text_keeps_its_beginning() -> None:
    assert shorten("CT thorax with contrast", 10) == "CT thorax…"


def test_wide_characters_count_twice() -> None:
    assert width("山田") == 4
    assert width(shorten("山田太郎", 5)) <= 5


def test_the_first_of_many_are_named_and_the_others_counted() -> None:
    assert first_of(["a", "b", "c"], 3) == ["a", "b", "c"]
    assert first_of(["a", "b", "c"], 1) == ["a", "and 2 more"]
    assert first_of([], 1) == []

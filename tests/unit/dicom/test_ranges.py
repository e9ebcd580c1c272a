from __future__ import annotations

import pytest

from adit_cli.dicom.matching import Match, PatternError
from adit_cli.dicom.ranges import parse_number_range, parse_numbers, parse_times

YES, NO, UNKNOWN = Match.YES, Match.NO, Match.UNKNOWN


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("5", "5", YES),
        ("5", " +5 ", YES),
        ("5", "6", NO),
        ("1..5", "3.5", YES),
        ("5..", "99999", YES),
        ("..5", "-3", YES),
        ("1..5", "", NO),
        ("1..5", "many", NO),
        ("1..5", "9\\2", YES),
        ("1..5", None, UNKNOWN),
    ],
)
def test_a_number_matches_inside_its_range(text: str, value: str | None, expected: Match) -> None:
    assert parse_number_range(text).matches(value) is expected


def test_any_of_several_ranges_is_enough() -> None:
    rule = parse_numbers(["1", "10..20"])

    assert [rule.matches(value) for value in ("1", "15", "5", None)] == [YES, YES, NO, UNKNOWN]
    assert str(rule) == "1\\10..20"


@pytest.mark.parametrize("text", ["", "..", "x", "1..x", "nan", "inf", "..inf", "18-80"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(PatternError, match=r"write 5, 1\.\.5, 5\.\. or \.\.5"):
        parse_numbers([text])


def test_a_range_of_numbers_begins_with_the_smaller() -> None:
    with pytest.raises(PatternError, match="smaller number first"):
        parse_number_range("5..1")


def test_an_empty_list_of_numbers_is_refused() -> None:
    with pytest.raises(PatternError, match="matches nothing"):
        parse_numbers([])


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("0800-1730", "080000", YES),
        ("0800-1730", "173059.999", YES),
        ("0800-1730", "1731", NO),
        ("08-", "235959", YES),
        ("-12", "125959", YES),
        ("-12", "13", NO),
        ("12:30", "123045", YES),
        ("12:30", "12:30:10", YES),
        ("123000.5", "123000.500001", YES),
        ("12", "", NO),
        ("12", "noon", NO),
        ("12", None, UNKNOWN),
    ],
)
def test_a_time_matches_inside_its_range(text: str, value: str | None, expected: Match) -> None:
    assert parse_times(text).matches(value) is expected


def test_a_range_of_times_is_sent_without_colons() -> None:
    assert parse_times("08:00-17:30").key() == "080000-173059.999999"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("10", "100000-105959.999999"),
        ("10:15", "101500-101559.999999"),
        ("101500", "101500-101500.999999"),
        ("101500.5", "101500.500000-101500.599999"),
        ("0900-", "090000-"),
        ("-12", "-125959.999999"),
    ],
)
def test_a_part_of_a_time_is_asked_as_all_that_it_may_begin(text: str, key: str) -> None:
    assert parse_times(text).key() == key


@pytest.mark.parametrize("text", ["2200-0600", "1730-1729"])
def test_a_night_is_no_range_of_times(text: str) -> None:
    with pytest.raises(PatternError, match="ends before it begins"):
        parse_times(text)
    assert str(parse_times("08:00-17:30")) == "08:00-17:30"


@pytest.mark.parametrize("text", ["", "-", "noon", "8", "08-noon", "0800-1730-", "25:00", "0860", "08-9999"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(PatternError, match="write 0800-1730, 0800- or -1730"):
        parse_times(text)

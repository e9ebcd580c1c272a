from __future__ import annotations

from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adit_cli.dicom.matching import (
    DateRange,
    Match,
    PatternError,
    all_of,
    any_of,
    as_match,
    parse_da,
    parse_study_date,
)

TODAY = date(2024, 3, 31)
YES, NO, UNKNOWN = Match.YES, Match.NO, Match.UNKNOWN


@pytest.mark.parametrize(
    ("answers", "every", "some"),
    [
        ([], YES, NO),
        ([YES, YES], YES, YES),
        ([YES, NO, UNKNOWN], NO, YES),
        ([YES, UNKNOWN], UNKNOWN, YES),
        ([NO, UNKNOWN], NO, UNKNOWN),
        ([NO, NO], NO, NO),
    ],
)
def test_an_unknown_answer_only_counts_where_no_certain_one_decides(
    answers: list[Match], every: Match, some: Match
) -> None:
    assert all_of(answers) is every
    assert any_of(answers) is some


def test_the_opposite_of_unknown_is_unknown() -> None:
    assert [YES.negated(), NO.negated(), UNKNOWN.negated()] == [NO, YES, UNKNOWN]
    assert as_match(matched=True) is YES
    assert as_match(matched=False) is NO


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("2024-01-31", "20240131"),
        ("20240131", "20240131"),
        ("2024-02", "20240201-20240229"),
        ("2024", "20240101-20241231"),
        ("9999-12-31", "99991231"),
        ("9999", "99990101-99991231"),
        ("2024-12", "20241201-20241231"),
        ("2024-01-01..2024-03-31", "20240101-20240331"),
        ("2023..2024-02", "20230101-20240229"),
        ("20240101..20240131", "20240101-20240131"),
        ("2024-01-01 .. today", "20240101-20240331"),
        ("2024-01..", "20240101-"),
        ("..2024-01", "-20240131"),
        ("20240101-20240331", "20240101-20240331"),
        ("20240101-", "20240101-"),
        ("-20240331", "-20240331"),
        ("today", "20240331"),
        (" Yesterday ", "20240330"),
        ("last 7 days", "20240324-20240331"),
        ("Last  1 day", "20240330-20240331"),
        ("last 2 weeks", "20240317-20240331"),
        ("last 1 month", "20240229-20240331"),
        ("last 13 months", "20230228-20240331"),
        ("last 1 year", "20230331-20240331"),
    ],
)
def test_a_date_expression_names_the_days_that_a_person_means(text: str, key: str) -> None:
    found = parse_study_date(text, TODAY)

    assert found.key() == key
    assert str(found) == text.strip()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "..",
        "-",
        "31.12.2024",
        "12/31/2024",
        "2024-13",
        "2024-02-30",
        "20240230",
        "2024-00-01",
        "202401",
        "2024-2025",
        "2024-1-1",
        "0000",
        "tomorrow",
        "last week",
        "last 7 fortnights",
        "2024-01-01..2024-02-01..2024-03-01",
        "٢٠٢٤٠١٠١",
    ],
)
def test_what_is_no_date_is_refused_with_the_forms_that_are(text: str) -> None:
    with pytest.raises(PatternError, match=r"write 2024-01-31, .* or last 7 days"):
        parse_study_date(text, TODAY)


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(PatternError, match="ends before it begins"):
        parse_study_date("2024..2023", TODAY)


@pytest.mark.parametrize("text", ["last 9999 years", "last 9999 months"])
def test_a_period_reaches_back_as_far_as_the_calendar(text: str) -> None:
    today = TODAY if "years" in text else date(800, 1, 1)
    with pytest.raises(PatternError, match="before the calendar begins"):
        parse_study_date(text, today)


def test_days_too_reach_back_only_as_far_as_the_calendar() -> None:
    with pytest.raises(PatternError, match="before the calendar begins"):
        parse_study_date("last 400 days", date(1, 12, 31))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, UNKNOWN),
        ("", NO),
        ("20240115", YES),
        ("2024.01.15", YES),
        (" 20240131 ", YES),
        ("20240201", NO),
        ("20231231", NO),
        ("nonsense", NO),
        ("20230101\\20240102", YES),
    ],
)
def test_a_date_matches_inside_its_range(value: str | None, expected: Match) -> None:
    assert parse_study_date("2024-01", TODAY).matches(value) is expected


def test_an_open_range_has_no_end() -> None:
    assert DateRange(date(2024, 1, 1), None).matches("29990101") is YES
    assert DateRange(None, date(2024, 1, 1)).matches("19000101") is YES
    assert str(DateRange(None, date(2024, 1, 1))) == "-20240101"


def test_an_early_year_keeps_its_zeros() -> None:
    assert DateRange(date(800, 1, 1), date(800, 1, 1)).key() == "08000101"


@given(st.dates(), st.dates())
def test_a_range_written_as_iso_or_dicom_is_the_same_and_holds_its_ends(one: date, other: date) -> None:
    first, last = sorted((one, other))
    iso = parse_study_date(f"{first.isoformat()}..{last.isoformat()}", TODAY)
    dicom = parse_study_date(iso.key(), TODAY)

    assert (iso.start, iso.end) == (dicom.start, dicom.end) == (first, last)
    assert iso.matches(first.isoformat().replace("-", "")) is YES
    assert parse_da(last.isoformat().replace("-", "")) == last


@given(st.integers(0, 500), st.sampled_from(["day", "week", "month", "year"]), st.dates(date(1600, 1, 1)))
def test_a_period_back_ends_today_and_begins_no_later(count: int, unit: str, today: date) -> None:
    found = parse_study_date(f"last {count} {unit}s", today)

    assert found.end == today
    assert found.start is not None
    assert found.start <= today


@given(st.text(max_size=30))
def test_any_text_is_a_date_expression_or_a_pattern_error(text: str) -> None:
    with suppress(PatternError):
        assert parse_study_date(text, TODAY).key()

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adit_cli.deid.dates import shift_da, shift_dt, shift_of, year_of, year_only

days_of_life = st.dates(min_value=date(1900, 1, 1), max_value=date(2100, 1, 1))


def _da(day: date) -> bytes:
    return day.strftime("%Y%m%d").encode()


@given(days_of_life, days_of_life, st.integers(1, 3650))
def test_the_days_between_two_dates_stay_the_same(first: date, second: date, days: int) -> None:
    moved = shift_da(_da(first) + b"\\" + _da(second), days).rstrip()

    one, other = (date.fromisoformat(part.decode()) for part in moved.split(b"\\"))
    assert other - one == second - first
    assert first - one == timedelta(days)


@pytest.mark.parametrize(
    ("value", "moved"),
    [
        (b"20240301", b"20240220"),
        (b"2024.03.01", b"20240220"),
        (b"20240301 ", b"20240220"),
        (b"20240301\\20240302", b"20240220\\20240221 "),
        (b"20240301\\soon", b"20240220\\ "),
        (b"20240301-20240302", b""),
        (b"20241301", b""),
        (b"00010105", b""),
        (b"", b""),
    ],
)
def test_a_date_moves_and_what_is_none_is_emptied(value: bytes, moved: bytes) -> None:
    assert shift_da(value, 10) == moved


@pytest.mark.parametrize(
    ("value", "moved"),
    [
        (b"20240301101112.123456+0200", b"20240220101112.123456+0200"),
        (b"20240301", b"20240220"),
        (b"202403", b""),
        (b"2024", b""),
        (b"20240301late", b""),
    ],
)
def test_a_datetime_keeps_its_time_and_zone(value: bytes, moved: bytes) -> None:
    assert shift_dt(value, 10) == moved


@given(st.binary(min_size=1, max_size=8), st.integers(1, 200), st.integers(0, 4000), st.sampled_from([1, 7]))
def test_a_patients_shift_is_always_the_same_and_within_its_range(
    patient: bytes, low: int, more: int, step: int
) -> None:
    days = low, low + 7 + more

    shift = shift_of(b"key", patient, days, keep_weekday=step == 7)

    assert shift == shift_of(b"key", patient, days, keep_weekday=step == 7)
    assert days[0] <= shift <= days[1]
    assert shift % step == 0


def test_patients_and_keys_have_shifts_of_their_own() -> None:
    shifts = {
        shift_of(key, patient, (1, 36500), keep_weekday=False)
        for key in (b"k", b"l")
        for patient in (b"p", b"q")
    }

    assert len(shifts) == 4


@pytest.mark.parametrize(
    ("value", "year"), [(b"20240301", 2024), (b"2024.03.01", 2024), (b"20240301101112", 2024), (b"", None)]
)
def test_the_year_of_a_date_is_found(value: bytes, year: int | None) -> None:
    assert year_of(value) == year


def test_of_a_date_that_is_none_no_year_is_left() -> None:
    assert year_only(b"about 1950", oldest=1900) == b""

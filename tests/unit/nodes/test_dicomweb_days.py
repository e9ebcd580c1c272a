"""Studies of a server that gives only its first ones, by ever fewer days: all of them, or an error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adit_cli.dicom.query import Attributes
from adit_cli.nodes.dicomweb.days import CannotHalveError, by_days

FIRST = date(2023, 12, 25)
RANGES = st.sampled_from(["", "20240101", "20231228-20240110", "-20240105", "20240102-", "20240101-20240101"])


def study(number: int, day: str) -> Attributes:
    return {"StudyInstanceUID": f"1.2.{number}", "StudyDate": day}


def within(asked: str, day: str) -> bool:
    first, dash, last = asked.partition("-")
    return not asked or (first or "0") <= day <= ((last if dash else first) or "9")


@given(
    offsets=st.lists(st.integers(0, 20), max_size=60),
    cap=st.integers(2, 12),
    asked=RANGES,
)
def test_every_study_is_found_unless_a_single_day_has_more_than_the_server_gives(
    offsets: list[int], cap: int, asked: str
) -> None:
    studies = [study(n, f"{FIRST + timedelta(days=days):%Y%m%d}") for n, days in enumerate(offsets)]

    def first_page(keys: Mapping[str, str]) -> list[Attributes]:
        return [one for one in studies if within(keys["StudyDate"], one["StudyDate"])][:cap]

    matching = [one for one in studies if within(asked, one["StudyDate"])]
    a_day = Counter(one["StudyDate"] for one in matching)
    cut = first_page({"StudyDate": asked})
    try:
        found = by_days(first_page, {"StudyDate": asked}, cut)
    except CannotHalveError:
        assert not cut or max(a_day.values()) >= len(cut)
    else:
        assert sorted(one["StudyInstanceUID"] for one in found) == sorted(
            one["StudyInstanceUID"] for one in matching
        )


@pytest.mark.parametrize("day", ["", "20241399", "yesterday", "2024"])
def test_days_that_are_none_do_not_help(day: str) -> None:
    cut = [study(1, "20240101"), study(2, day)]

    with pytest.raises(CannotHalveError):
        by_days(lambda _: cut, {"StudyDate": ""}, cut)


def test_old_dates_are_written_with_full_stops() -> None:
    studies = [study(1, "2024.01.01"), study(2, "2024.01.02"), study(3, "20240103")]

    def first_page(keys: Mapping[str, str]) -> list[Attributes]:
        return [one for one in studies if within(keys["StudyDate"], one["StudyDate"].replace(".", ""))][:2]

    assert len(by_days(first_page, {"StudyDate": ""}, studies[:2])) == 3

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from adit_cli.dicom.matching import DateRange, Match, parse_study_date
from adit_cli.dicom.query import Attributes, Level
from adit_cli.errors import CutShortError, Reason, TransientNodeError
from adit_cli.nodes.answers import key_matches
from adit_cli.nodes.base import FailedInstance, OnArrival, RetrieveRequest
from adit_cli.tasks.windows import SUSPICIOUS, Cap, Window, WindowedFind, partitions

TODAY = date(2024, 6, 30)


@dataclass
class Archive:
    """Studies by date and time, of which one answer never holds more than `cap`."""

    studies: list[Attributes]
    cap: int
    asked: int = field(default=0)

    def find(self, level: Level, keys: Mapping[str, str]) -> list[Attributes]:
        assert level is Level.STUDY
        self.asked += 1
        dated = {k: v for k, v in keys.items() if v and k in {"StudyDate", "StudyTime"}}
        found = [
            study
            for study in self.studies
            if all(key_matches(k, v, study[k]) is Match.YES for k, v in dated.items())
        ]
        return [dict(study) for study in found[: self.cap]]

    def retrieve(self, request: RetrieveRequest, spool: Path, arrived: OnArrival) -> list[FailedInstance]:
        raise NotImplementedError

    def close(self) -> None:
        """Nothing is open."""


class Refusing(Archive):
    """An archive that has no resources for an answer of more than a hundred (PS3.4 §C.4.1.1.4)."""

    def find(self, level: Level, keys: Mapping[str, str]) -> list[Attributes]:
        answers = super().find(level, keys)
        if len(answers) > 100:
            raise TransientNodeError("too many matches", reason=Reason.REFUSED)
        return answers


def archive(count: int, cap: int, step: timedelta) -> Archive:
    first = datetime(2020, 1, 1, 0, 10)  # noqa: DTZ001 - DICOM times have no zone
    moments = [first + number * step for number in range(count)]
    studies = [
        {
            "StudyInstanceUID": f"1.{number}",
            "StudyDate": f"{moment:%Y%m%d}",
            "StudyTime": f"{moment:%H%M%S}",
        }
        for number, moment in enumerate(moments)
    ]
    return Archive(studies, cap)


def finding(source: Archive, cap: int | None = None, **keys: str) -> WindowedFind:
    return WindowedFind(source, lambda window: keys | (window.keys() if window else {}), Cap(cap), TODAY)


def found(
    source: Archive, days: DateRange | None = None, cap: int | None = None
) -> tuple[set[str], list[str]]:
    find = finding(source, cap)
    (window,) = partitions(days, "auto", TODAY) if days is None else [Window(*bounds(days))]
    uids = {study["StudyInstanceUID"] for study in find.all(window)}
    assert find.beyond == []
    return uids, [str(cut) for cut in find.cut]


def bounds(days: DateRange) -> tuple[date, date]:
    assert days.start is not None
    assert days.end is not None
    return days.start, days.end


@pytest.mark.parametrize("cap", [100, 250, 256, 1000])
def test_an_archive_that_stops_without_a_word_is_asked_in_windows(cap: int) -> None:
    source = archive(1500, cap, timedelta(hours=17))

    uids, cut = found(source)

    assert uids == {study["StudyInstanceUID"] for study in source.studies}
    assert cut == []


def test_a_known_cap_counts_even_if_it_is_not_round() -> None:
    source = archive(300, 37, timedelta(hours=30))

    uids, cut = found(source, parse_study_date("2020-01-01..2021-06-30", TODAY), cap=37)

    assert (len(uids), cut) == (300, [])


def test_a_busy_day_is_cut_into_hours() -> None:
    source = archive(700, 100, timedelta(minutes=2))

    uids, cut = found(source, parse_study_date("2020-01-01", TODAY))

    assert (len(uids), cut) == (700, [])


def test_more_studies_in_half_an_hour_than_an_answer_holds_are_told() -> None:
    source = archive(300, 100, timedelta(seconds=1))

    uids, cut = found(source, parse_study_date("2020-01-01", TODAY))

    assert len(uids) < 300
    assert cut == ["2020-01-01 00:00 to 00:30"]


def test_an_answer_that_does_not_look_cut_costs_one_question() -> None:
    source = archive(SUSPICIOUS - 1, 1000, timedelta(days=1))

    uids, _ = found(source)

    assert (len(uids), source.asked) == (SUSPICIOUS - 1, 1)


def test_a_round_number_that_is_the_truth_costs_two_questions_more() -> None:
    source = archive(SUSPICIOUS, 1000, timedelta(days=3))

    uids, _ = found(source, parse_study_date("2020-01-01..2020-12-31", TODAY))

    assert (len(uids), source.asked) == (SUSPICIOUS, 3)


def test_a_query_that_names_a_time_itself_is_cut_into_days_only() -> None:
    source = archive(300, 100, timedelta(minutes=1))
    find = finding(source, StudyTime="0000-2359")

    assert len(find.all(Window(date(2020, 1, 1), date(2020, 1, 2)))) == 100
    assert [str(window) for window in find.cut] == ["2020-01-01"]


def test_windows_are_halved_down_to_half_an_hour() -> None:
    windows = [Window(date(2020, 1, 1), date(2020, 1, 3))]
    whole: list[Window] = []
    while windows:
        window = windows.pop()
        halves = window.halves()
        windows += halves
        whole += [] if halves else [window]

    assert len(whole) == 3 * 48
    assert {last - first for first, last in (window.minutes for window in whole)} == {30}


def test_the_same_round_number_twice_is_the_cap_from_then_on() -> None:
    cap = Cap()

    looks = [cap.looks_reached(count) for count in (200, 137, 200, 201, 199)]

    assert looks == [True, False, True, True, False]
    assert cap.known == 200


def test_the_same_studies_in_a_shorter_window_say_nothing_of_a_cap() -> None:
    cap = Cap()
    cap.looks_reached(200)

    assert cap.looks_reached(200, same=True)
    assert cap.known is None


def test_an_odd_number_that_comes_twice_is_looked_into() -> None:
    source = archive(500, 123, timedelta(hours=1))
    find = finding(source)

    uids = {
        study["StudyInstanceUID"]
        for month in (
            Window(date(2020, 1, 1), date(2020, 1, 10)),
            Window(date(2020, 1, 11), date(2020, 1, 31)),
        )
        for study in find.all(month)
    }

    assert len(uids) > 2 * 123


@pytest.mark.parametrize("lost", ["StudyDate", "StudyTime"])
def test_studies_without_a_date_or_time_are_told_where_an_answer_is_cut(lost: str) -> None:
    source = archive(150, 100, timedelta(minutes=9))
    source.studies[0][lost] = ""
    find = finding(source)

    find.all(None)

    assert find.beyond


class Honest(Archive):
    """An archive that says when it has more than it lists."""

    def find(self, level: Level, keys: Mapping[str, str]) -> list[Attributes]:
        cap, self.cap = self.cap, len(self.studies)
        answers, self.cap = super().find(level, keys), cap
        if len(answers) > cap:
            error = CutShortError("there is more")
            error.answers = answers[:cap]
            raise error
        return answers


def test_a_node_that_says_it_has_more_is_asked_in_windows_whatever_the_number() -> None:
    source = Honest(archive(60, 7, timedelta(hours=7)).studies, 7)

    assert len(finding(source).all(None)) == 60


def test_what_a_node_lists_of_half_an_hour_is_taken_although_there_is_more() -> None:
    source = Honest(archive(60, 7, timedelta(seconds=1)).studies, 7)
    find = finding(source)

    assert len(find.all(Window(date(2020, 1, 1), date(2020, 1, 1)))) == 7
    assert [str(window) for window in find.cut] == ["2020-01-01 00:00 to 00:30"]


def test_a_node_that_refuses_what_would_be_too_much_is_asked_in_windows() -> None:
    source = Refusing(archive(300, 1000, timedelta(hours=7)).studies, 1000)
    find = finding(source)

    assert len(find.all(Window(date(2020, 1, 1), date(2020, 12, 31)))) == 300


def test_a_node_that_refuses_even_half_an_hour_has_refused() -> None:
    source = Refusing(archive(300, 1000, timedelta(seconds=1)).studies, 1000)

    with pytest.raises(TransientNodeError):
        finding(source).all(Window(date(2020, 1, 1), date(2020, 1, 1)))


@pytest.mark.parametrize(
    ("text", "partition", "windows"),
    [
        ("2024-01-01..2024-01-31", "auto", ["2024-01-01 to 2024-01-31"]),
        (
            "2024-01-30..2024-03-02",
            "auto",
            ["2024-01-30 to 2024-01-31", "2024-02-01 to 2024-02-29", "2024-03-01 to 2024-03-02"],
        ),
        ("2024-01-01..2024-01-02", "day", ["2024-01-01", "2024-01-02"]),
        (
            "2024-01-03..2024-01-15",
            "week",
            ["2024-01-03 to 2024-01-07", "2024-01-08 to 2024-01-14", "2024-01-15"],
        ),
        ("2024-06-01..", "month", ["2024-06-01 to 2024-06-30", "2024-07-01"]),
    ],
)
def test_a_long_range_is_cut_into_partitions(text: str, partition: str, windows: list[str]) -> None:
    parts = partitions(parse_study_date(text, TODAY), partition, TODAY)

    assert [str(part) for part in parts] == windows


def test_a_range_without_a_beginning_has_one_part_for_all_that_is_old() -> None:
    parts = partitions(parse_study_date("..2024-03-31", TODAY), "month", TODAY)

    assert [str(part) for part in parts[:2]] == ["1900-01-01 to 2013-12-31", "2014-01-01 to 2014-01-31"]
    assert len(parts) == 1 + 10 * 12 + 3

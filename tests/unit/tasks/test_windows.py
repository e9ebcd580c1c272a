from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from adit_cli.dicom.matching import DateRange, Match, parse_study_date
from adit_cli.dicom.query import Attributes, Level
from adit_cli.nodes.answers import key_matches
from adit_cli.nodes.base import FailedInstance, OnArrival, RetrieveRequest
from adit_cli.tasks.windows import SUSPICIOUS, WindowedFind

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


def found(
    source: Archive, days: DateRange | None = None, cap: int | None = None
) -> tuple[set[str], list[str]]:
    keys = {"StudyDate": days.key() if days else ""}
    find = WindowedFind(source, keys, cap)
    return {study["StudyInstanceUID"] for study in find.all(days, TODAY)}, find.cut


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
    assert cut == ["2020-01-01 0000"]


def test_an_answer_that_does_not_look_cut_costs_one_question() -> None:
    source = archive(SUSPICIOUS - 1, 1000, timedelta(days=1))

    uids, _ = found(source)

    assert (len(uids), source.asked) == (SUSPICIOUS - 1, 1)


def test_a_round_number_that_is_the_truth_costs_two_questions_more() -> None:
    source = archive(SUSPICIOUS, 1000, timedelta(days=3))

    uids, _ = found(source, parse_study_date("2020-01-01..2020-12-31", TODAY))

    assert (len(uids), source.asked) == (SUSPICIOUS, 3)


def test_a_query_that_names_a_time_itself_is_not_cut_into_windows() -> None:
    source = archive(300, 100, timedelta(minutes=1))
    find = WindowedFind(source, {"StudyTime": "0000-2359"})

    assert len(find.all(None, TODAY)) == 100

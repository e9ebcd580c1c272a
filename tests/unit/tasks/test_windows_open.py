"""Windows at the ends of time, and limits of an archive that show only later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest

from adit_cli.dicom.matching import Match, parse_study_date
from adit_cli.dicom.query import Attributes, Level
from adit_cli.jobfile.query import Query
from adit_cli.nodes.answers import key_matches
from adit_cli.nodes.base import FailedInstance, OnArrival, RetrieveRequest
from adit_cli.tasks.places import Place
from adit_cli.tasks.questions import Part, Reply, ask
from adit_cli.tasks.windows import Cap, Window, partitions

TODAY = date(2024, 6, 30)
_MATCHED = ("StudyDate", "StudyTime", "PatientBirthDate")


@dataclass
class Archive:
    """Gives the first `cap` of what matches, and says nothing of the rest."""

    studies: Sequence[Attributes]
    cap: int = 10**6
    asked: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    def find(self, level: Level, keys: Mapping[str, str]) -> list[Attributes]:
        if level is Level.SERIES:
            return []
        self.asked.append(dict(keys))
        wanted = {keyword: keys[keyword] for keyword in _MATCHED if keys.get(keyword)}
        found = [
            dict(study)
            for study in self.studies
            if all(key_matches(k, v, study[k]) is Match.YES for k, v in wanted.items())
        ]
        return found[: self.cap]

    def retrieve(self, request: RetrieveRequest, spool: Path, arrived: OnArrival) -> list[FailedInstance]:
        raise NotImplementedError

    def close(self) -> None:
        """Nothing is open."""


def study(number: int, day: str, time: str = "", born: str = "19700101") -> Attributes:
    uid, patient = f"1.{number}", f"P{number}"
    return {
        "StudyInstanceUID": uid,
        "PatientID": patient,
        "StudyDate": day,
        "StudyTime": time,
        "PatientBirthDate": born,
    }


def spread(count: int, day: str, first: int = 0, minutes: int = 1) -> list[Attributes]:
    """Return so many studies of one day, over the day."""
    times = [number * minutes for number in range(count)]
    return [study(first + at, day, f"{time // 60:02d}{time % 60:02d}00") for at, time in enumerate(times)]


def selected(archive: Archive, **rules: object) -> tuple[set[str], list[Reply]]:
    """Ask for the parts of a query, one after the other, as a run does."""
    query = Query.model_validate(rules)
    place = Place("pacs", archive, Cap())
    windows = partitions(query.study_date, query.partition, TODAY)
    replies = [ask([place], Part(query, window, TODAY)) for window in windows]
    return {one.offer.uid for reply in replies for one in reply.found}, replies


@pytest.mark.parametrize("partition", ["auto", "day", "week", "month"])
@pytest.mark.parametrize(
    ("days", "uids"),
    [
        ("2024-06..", {"1.2", "1.3"}),
        ("..2020", {"1.0", "1.1"}),
        ("2024-08..", {"1.3"}),
        ("..1895", {"1.0"}),
    ],
)
def test_a_range_without_an_end_has_none(days: str, uids: set[str], partition: str) -> None:
    archive = Archive(
        [study(0, "18500101"), study(1, "20190101"), study(2, "20240610"), study(3, "20991231")]
    )

    found, _ = selected(archive, study_date=parse_study_date(days, TODAY), partition=partition)

    assert found == uids


def test_ages_are_no_bound_where_a_range_has_no_end() -> None:
    archive = Archive([study(0, "20991231", born="20400101"), study(1, "20240610", born="20230101")])

    found, _ = selected(archive, study_date=parse_study_date("2024-06..", TODAY), patient_age="18..80")

    assert found == {"1.0"}


def test_windows_at_the_ends_of_time_stay_open_in_halves() -> None:
    window = Window(date(2024, 6, 29), date(2024, 7, 1), opens=(False, True))

    keys = [half.keys()["StudyDate"] for half in window.halves()]

    assert window.keys() == {"StudyDate": "20240629-"}
    assert keys == ["20240629-20240630", "20240701-"]


def test_studies_of_all_of_time_are_found_beyond_what_clocks_say() -> None:
    studies = [study(0, "18500101"), study(1, "20991231"), *spread(120, "20230501", first=10)]

    found, _ = selected(Archive(studies, cap=100))

    assert len(found) == len(studies)


def test_a_limit_that_is_no_round_number_is_found() -> None:
    studies = [*spread(400, "20240105"), *spread(300, "20240210", first=500), study(999, "20240301")]

    found, replies = selected(
        Archive(studies, cap=137), study_date=parse_study_date("2024-01..2024-03", TODAY)
    )

    assert len(found) == len(studies)
    assert [one.unresolved for one in replies] == [[], [], []]


def test_a_single_answer_that_is_cut_at_an_odd_number_is_seen_through() -> None:
    found, _ = selected(
        Archive(spread(400, "20240105", minutes=3), cap=137), study_date=parse_study_date("2024-01", TODAY)
    )

    assert len(found) == 400


def test_only_answers_longer_than_all_before_are_looked_into() -> None:
    archive = Archive(
        [
            *spread(76, "20240105", minutes=5),
            *spread(75, "20240125", first=200),
            *spread(123, "20240210", first=500),
            *spread(139, "20240301", first=900),
        ]
    )

    selected(archive, study_date=parse_study_date("2024-01..2024-03", TODAY))

    assert len(archive.asked) == 5


def test_many_studies_of_one_moment_are_whole_where_no_limit_shows() -> None:
    studies = [study(at, "20240105", "120000") for at in range(131)]

    found, (reply,) = selected(Archive(studies), study_date=parse_study_date("2024-01-05", TODAY))

    assert (len(found), reply.unresolved, reply.notes) == (131, [], [])


def test_a_number_that_came_before_and_is_the_truth_is_not_the_limit() -> None:
    studies = [
        *spread(137, "20240105"),
        *spread(137, "20240210", first=500),
        *spread(150, "20240301", first=900),
    ]
    archive = Archive(studies)

    found, _ = selected(archive, study_date=parse_study_date("2024-01..2024-03", TODAY))

    assert len(found) == len(studies)


@pytest.mark.parametrize(("days", "what"), [("2024-01-05", "StudyTime"), (None, "StudyDate")])
def test_that_some_studies_could_not_be_asked_for_is_said_once(days: str | None, what: str) -> None:
    timed = [*spread(250, "20240105", minutes=5), *spread(90, "20240110", first=300)]
    hidden = study(998, "20240105" if days else "", "")
    rules = {"study_date": parse_study_date(days, TODAY)} if days else {}

    found, replies = selected(Archive([*timed, hidden], cap=100), **rules)
    told = {note for reply in replies for note in reply.notes}

    assert hidden["StudyInstanceUID"] not in found
    (note,) = (note for note in told if what in note)
    assert "pacs" in note


def test_nothing_is_said_where_nothing_was_cut() -> None:
    _, (reply,) = selected(Archive(spread(100, "20240105")), study_date=parse_study_date("2024-01-05", TODAY))

    assert reply.notes == []
    assert reply.unresolved == []

"""What a lookup does with what an archive does not say, and with letters whose case archives compare."""

from __future__ import annotations

from datetime import date

import pytest

from adit_cli.dicom.query import Attributes, Level
from adit_cli.nodes.base import Source
from adit_cli.tasks.asking import Asked, Inquiry
from adit_cli.tasks.lookup import Lookup, look_up, parse_rule
from tests.support.reticent import Reticent, reticent

TODAY = date(2024, 6, 30)


def lookup(level: Level, **texts: str) -> Lookup:
    rules = {keyword: parse_rule(keyword, text, TODAY) for keyword, text in texts.items()}
    return Lookup(level, rules, ("PatientID", *texts))


def asked_for(source: Reticent, keyword: str) -> set[str]:
    return {keys[keyword] for _, keys in source.asked if keys.get(keyword)}


def uids(found: list[Attributes]) -> list[str]:
    return sorted(one["StudyInstanceUID"] for one in found)


def notes(source: Reticent, wanted: Lookup) -> tuple[list[str], list[str]]:
    """Return the studies that an inquiry finds, and what it notes."""
    inquiry = Inquiry([Asked("pacs", lambda: _Opened(source))], wanted)
    found = [one for batch in inquiry.batches() for one in batch.found]
    return uids(found), inquiry.notes


class _Opened:
    def __init__(self, source: Source) -> None:
        self._source = source

    def __enter__(self) -> Source:
        return self._source

    def __exit__(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(
    ("level", "keyword"),
    [
        (Level.STUDY, "ModalitiesInStudy"),
        (Level.SERIES, "Modality"),
        (Level.STUDY, "PatientSex"),
        (Level.SERIES, "BodyPartExamined"),
    ],
)
def test_codes_are_asked_in_capitals_as_they_are_stored(level: Level, keyword: str) -> None:
    source = reticent()

    look_up(source, lookup(level, **{keyword: "ct"}))

    assert asked_for(source, keyword) == {"CT"}


@pytest.mark.parametrize(
    ("level", "keyword"),
    [
        (Level.STUDY, "StudyDescription"),
        (Level.SERIES, "SeriesDescription"),
        (Level.STUDY, "InstitutionName"),
        (Level.SERIES, "ProtocolName"),
    ],
)
def test_descriptions_are_compared_here_since_archives_mind_the_case(level: Level, keyword: str) -> None:
    source = reticent()

    look_up(source, lookup(level, **{keyword: "thorax*"}))
    assert asked_for(source, keyword) == set()

    look_up(source, lookup(level, **{keyword: "2024*"}))
    assert asked_for(source, keyword) == {"2024*"}


@pytest.mark.parametrize("blank", [False, True])
def test_what_a_study_leaves_empty_is_asked_of_its_series(*, blank: bool) -> None:
    assert uids(look_up(reticent(blank=blank), lookup(Level.STUDY, ModalitiesInStudy="MR"))) == ["1.2"]


def test_what_equipment_made_a_study_is_asked_of_its_series() -> None:
    source = reticent(blank=True, Manufacturer="BUILDER")

    found = look_up(source, lookup(Level.STUDY, Manufacturer="BUILD*"))

    assert uids(found) == ["1.1"]
    assert not any(keys.get("Manufacturer") for level, keys in source.asked if level is Level.STUDY)


def test_an_archive_that_matches_series_need_not_tell_what_they_hold() -> None:
    found = look_up(reticent(matched={"ProtocolName": "lung"}), lookup(Level.STUDY, ProtocolName="123"))

    assert found == []


@pytest.mark.parametrize(
    ("level", "keyword"),
    [(Level.STUDY, "StudyID"), (Level.STUDY, "BodyPartExamined"), (Level.SERIES, "StudyID")],
)
def test_what_an_archive_may_have_matched_is_listed_and_noted(level: Level, keyword: str) -> None:
    studies, told = notes(reticent(), lookup(level, **{keyword: "1"}))

    assert studies == ["1.1", "1.2"]
    assert told == [f"pacs does not tell {keyword} everywhere: 2 listed all the same"]


@pytest.mark.parametrize(
    ("level", "keyword", "text"),
    [
        (Level.STUDY, "InstitutionName", "Elsewhere"),
        (Level.STUDY, "ProtocolName", "/lung/i"),
        (Level.SERIES, "ProtocolName", "lung"),
        (Level.STUDY, "PatientAge", "18..80"),
        (Level.SERIES, "SeriesNumber", "2..5"),
    ],
)
def test_what_nobody_can_have_matched_is_left_out_and_noted(level: Level, keyword: str, text: str) -> None:
    studies, told = notes(reticent(), lookup(level, **{keyword: text}))

    assert studies == []
    assert told == [f"pacs does not tell {keyword} everywhere: 2 left out"]


def test_where_series_were_made_is_asked_of_them_where_their_study_does_not_say() -> None:
    source = reticent(InstitutionName="Elsewhere")

    studies, told = notes(source, lookup(Level.SERIES, InstitutionName="elsewhere"))

    assert studies == ["1.1"]
    assert told == ["pacs does not tell InstitutionName everywhere: 1 left out"]


def test_nothing_is_noted_where_all_is_told() -> None:
    assert notes(reticent(), lookup(Level.STUDY, ModalitiesInStudy="CT", StudyDate="2024")) == (["1.1"], [])


@pytest.mark.parametrize(("number", "is_told"), [(99, False), (100, True), (150, False), (500, True)])
def test_a_number_of_answers_that_archives_end_at_is_noted(number: int, *, is_told: bool) -> None:
    source = reticent()
    found = [{"StudyInstanceUID": f"1.{at}", "PatientID": "A"} for at in range(number)]
    source.levels = {Level.STUDY: found}

    studies, told = notes(source, lookup(Level.STUDY, PatientID="A"))

    assert len(studies) == number
    assert [note for note in told if f"exactly {number} answers" in note] == told
    assert bool(told) == is_told

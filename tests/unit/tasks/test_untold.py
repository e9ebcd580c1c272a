"""What an archive does not say is unknown, not empty and not zero; and what nobody says is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from adit_cli.dicom.query import Level
from adit_cli.tasks.plan import plan
from adit_cli.tasks.planned import Plan
from tests.support.job_texts import BASIC_JOB, KEY, job_of
from tests.support.reticent import Reticent, reticent


def planned(folder: Path, source: Reticent, query: str, series: str = "") -> Plan:
    more = f", series: {series}" if series else ""
    text = f"{BASIC_JOB}select: {{studies: {{query: {query}}}{more}}}\n"
    return plan(job_of(folder, text), source, KEY)


def uids_of(made: Plan) -> list[str]:
    return [task.study_uid for task in made.tasks]


@pytest.mark.parametrize("blank", [False, True])
@pytest.mark.parametrize(
    ("query", "uids"),
    [
        ("{min_instances: 2}", ["1.1"]),
        ("{max_instances: 1}", ["1.2"]),
        ("{study_date: 2024, exclude: [{min_instances: 2}]}", ["1.2"]),
        ("{modality: MR}", ["1.2"]),
        ("{study_date: 2024, exclude: [{modality: MR}]}", ["1.1"]),
        ("{where: {NumberOfStudyRelatedSeries: 1}}", ["1.1", "1.2"]),
        ("{where: {NumberOfStudyRelatedSeries: 2}}", []),
        ("{where: {Modality: MR}}", ["1.2"]),
        ("{where: {Manufacturer: Builder}}", ["1.1"]),
        ("{study_date: 2024, exclude: [{where: {Manufacturer: Builder}}]}", ["1.2"]),
    ],
)
def test_what_is_not_told_of_a_study_is_asked_below_it(
    tmp_path: Path, query: str, uids: list[str], *, blank: bool
) -> None:
    source = reticent(blank=blank, Manufacturer="Builder")

    assert uids_of(planned(tmp_path, source, query)) == uids


@pytest.mark.parametrize("blank", [False, True])
def test_series_that_are_not_counted_are_counted(tmp_path: Path, *, blank: bool) -> None:
    rules = "{include: [{min_instances: 2}]}"

    assert uids_of(planned(tmp_path, reticent(blank=blank), "{study_date: 2024}", rules)) == ["1.1"]


def test_what_series_hold_is_no_key_of_a_query_for_studies(tmp_path: Path) -> None:
    source = reticent()

    planned(tmp_path, source, "{where: {Modality: MR}, exclude: [{where: {Manufacturer: Builder}}]}")

    of_studies = [keys for level, keys in source.asked if level is Level.STUDY]
    assert of_studies
    assert not any({"Modality", "Manufacturer"} & keys.keys() for keys in of_studies)


@pytest.mark.parametrize(
    ("query", "uids"),
    [
        ("{institution_name: '*North'}", []),
        ("{study_date: 2024, exclude: [{institution_name: '*North'}]}", ["1.1", "1.2"]),
    ],
)
def test_a_rule_on_what_nobody_tells_is_named_once(tmp_path: Path, query: str, uids: list[str]) -> None:
    made = planned(tmp_path, reticent(), query)

    assert uids_of(made) == uids
    (note,) = made.notes
    assert "select.studies.query" in note
    assert "InstitutionName" in note


def test_a_rule_on_series_on_what_nobody_tells_is_named_once(tmp_path: Path) -> None:
    rules = "{exclude: [{modality: CT, protocol_name: scout}, {body_part: HEAD, modality: US}]}"

    made = planned(tmp_path, reticent(), "{study_date: 2024}", rules)

    assert uids_of(made) == ["1.1", "1.2"]
    (note,) = made.notes
    assert "select.series" in note
    assert "ProtocolName" in note


def test_nothing_is_said_of_what_does_not_matter(tmp_path: Path) -> None:
    query = "{study_date: 2024, exclude: [{study_date: 2023, institution_name: '*North'}]}"

    assert planned(tmp_path, reticent(), query).notes == ()


@pytest.mark.parametrize("blank", [False, True])
def test_a_row_that_leaves_out_one_modality_leaves_the_others(tmp_path: Path, *, blank: bool) -> None:
    (tmp_path / "withdrawn.csv").write_text("patient_id,modality\nA,CT\nB,CT\n", encoding="utf-8")
    text = "{query: {study_date: 2024}, exclude: {cohort: {file: withdrawn.csv}}}"

    made = plan(job_of(tmp_path, f"{BASIC_JOB}select: {{studies: {text}}}\n"), reticent(blank=blank), KEY)

    assert uids_of(made) == ["1.2"]
    assert [(one.rule, one.examples) for one in made.excluded] == [
        ("select.studies.exclude.cohort", ("1.1",))
    ]


def test_a_study_that_several_rows_ask_for_is_left_out_once(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("patient_id,modality\nA,\nA,CT\n", encoding="utf-8")
    text = "{cohort: {file: rows.csv}, exclude: {uids: [1.1]}}"

    made = plan(job_of(tmp_path, f"{BASIC_JOB}select: {{studies: {text}}}\n"), reticent(), KEY)

    assert [(one.count, one.examples) for one in made.excluded] == [(1, ("1.1",))]

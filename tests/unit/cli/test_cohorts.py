from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.support.builders import BuiltStudy, build_study
from tests.support.commandline import CommandLine
from tests.support.workbooks import Styled, workbook

JOB = """\
adit: 1
name: {name}
source: {{folder: images}}
destinations: [{{folder: "{name}-out"}}]
select: {{studies: {{{studies}}}}}
"""


@pytest.fixture
def others(adit: CommandLine) -> list[BuiltStudy]:
    """Three studies beside `thorax`; the last two are of one patient."""
    ids = [("P2", "A2"), ("P3", "A3"), ("P3", "A4")]
    return [
        build_study(adit.folder / "images" / accession, patient_id=patient, AccessionNumber=accession)
        for patient, accession in ids
    ]


def job(adit: CommandLine, studies: str, name: str = "cohorts", more: str = "") -> Path:
    path = adit.folder / f"{name}.yaml"
    path.write_text(JOB.format(name=name, studies=studies) + more, "utf-8")
    return path


def planned(adit: CommandLine, path: Path) -> set[str]:
    ended = adit.run("plan", path, "--format", "uid")
    assert ended.code == 0, ended.err
    return set(ended.out.split())


def test_several_tables_queries_and_uids_add_up(
    adit: CommandLine, thorax: BuiltStudy, others: list[BuiltStudy]
) -> None:
    (adit.folder / "a.csv").write_text("patient_id\nP2\n")
    workbook(adit.folder / "b.xlsx", [["ACC"], ["A2"], ["A3"]])
    path = job(
        adit,
        "cohort: [{file: a.csv}, {file: b.xlsx, sheet: Cohort, columns: {accession_number: ACC}}],"
        f" query: [{{where: {{PatientID: P1}}}}, {{where: {{PatientID: P9}}}}], uids: [{others[2].uid}]",
    )

    assert planned(adit, path) == {thorax.uid, *(study.uid for study in others)}


def test_what_tables_uids_and_earlier_jobs_name_is_left_out(
    adit: CommandLine, thorax: BuiltStudy, others: list[BuiltStudy]
) -> None:
    (adit.folder / "withdrawn.csv").write_text("patient_id,accession_number\nP3,A4\nP2,A9\nP1,A3\n")
    first = job(adit, f"uids: [{thorax.uid}]", "first")
    everything = "query: {study_date: 1900..2100}, exclude: "

    assert adit.run("transfer", first, "--progress", "none").code == 0
    rows = planned(adit, job(adit, everything + "{cohort: {file: withdrawn.csv}}"))
    uids = planned(adit, job(adit, everything + f"{{uids: [{others[0].uid}]}}"))
    earlier = planned(adit, job(adit, everything + "{delivered_by: first}"))

    whole = {thorax.uid, *(study.uid for study in others)}
    assert rows == whole - {others[2].uid}
    assert uids == whole - {others[0].uid}
    assert earlier == whole - {thorax.uid}


def test_what_is_left_out_is_counted_by_rule_and_said_in_words(
    adit: CommandLine, thorax: BuiltStudy, others: list[BuiltStudy]
) -> None:
    (adit.folder / "withdrawn.csv").write_text("patient_id\nP3\n")
    studies = f"uids: [{thorax.uid}, {others[1].uid}], exclude: {{cohort: {{file: withdrawn.csv}}}}"
    path = job(adit, studies)

    words = " ".join(adit.run("check", path).out.split())
    ended = adit.run("plan", path)

    assert "takes 2 studies by UID from folder images but not what the rows of withdrawn.csv match" in words
    assert f"1 study kept out by select.studies.exclude.cohort, such as {others[1].uid}" in ended.err


def test_what_one_query_keeps_out_and_another_lets_in_is_not_counted_as_left_out(
    adit: CommandLine, thorax: BuiltStudy, others: list[BuiltStudy]
) -> None:
    rules = "{study_date: 1900..2100, exclude: [{modality: CT}]}, {where: {PatientID: P1}}"
    ended = adit.run("plan", job(adit, f"query: [{rules}]"))

    assert thorax.uid in ended.out
    assert f"such as {thorax.uid}" not in ended.err
    kept_out = f"{len(others)} studies kept out by select.studies.query[0].exclude[0]"
    assert kept_out in ended.err


def test_an_earlier_job_that_never_ran_is_a_mistake(adit: CommandLine, thorax: BuiltStudy) -> None:
    ended = adit.run("plan", job(adit, f"uids: [{thorax.uid}], exclude: {{delivered_by: nobody}}"))

    assert ended.code == 2
    assert "no job has run as nobody here" in ended.err


def test_a_row_of_a_series_cannot_be_left_out(adit: CommandLine, thorax: BuiltStudy) -> None:
    (adit.folder / "x.csv").write_text("study_uid,series_uid\n1.2,1.3\n")

    ended = adit.run("check", job(adit, f"uids: [{thorax.uid}], exclude: {{cohort: {{file: x.csv}}}}"))

    assert ended.code == 2
    assert "x.csv row 1 names a series" in ended.err


def test_other_columns_stand_beside_the_results(
    adit: CommandLine, thorax: BuiltStudy, others: list[BuiltStudy]
) -> None:
    (adit.folder / "a.csv").write_text('patient_id,Arm,status\nP1,control,ok\nP2,"x;y",\nP2,z,\n')
    path = job(adit, "cohort: {file: a.csv}")
    adit.run("transfer", path, "--progress", "none")

    as_csv = list(csv.DictReader(io.StringIO(adit.run("status", path, "--format", "csv").out)))
    as_json = json.loads(adit.run("status", path, "--format", "json").out)

    for found in (as_csv, as_json):
        by_study = {row["study_uid"]: row for row in found}
        assert by_study[thorax.uid]["Arm"] == "control"
        assert by_study[thorax.uid]["cohort status"] == "ok"
        assert by_study[thorax.uid]["status"] == "success"
        assert by_study[others[0].uid]["Arm"] == "x;y; z"
        assert by_study[others[0].uid]["rows"] == "2 3"


def test_results_follow_a_table_that_was_edited_and_name_rows_of_several_by_file(
    adit: CommandLine, thorax: BuiltStudy, others: list[BuiltStudy]
) -> None:
    (adit.folder / "a.csv").write_text("patient_id,Arm\nP1,control\n")
    (adit.folder / "b.csv").write_text("patient_id\nP2\n")
    path = job(adit, "cohort: [{file: a.csv}, {file: b.csv}]")
    adit.run("transfer", path, "--progress", "none")
    (adit.folder / "a.csv").write_text("patient_id,Arm\n\nP1,treatment\n")
    adit.run("transfer", path, "--progress", "none")

    found = {row["study_uid"]: row for row in json.loads(adit.run("status", path, "--format", "json").out)}

    assert (found[thorax.uid]["Arm"], found[thorax.uid]["rows"]) == ("treatment", "a.csv row 2")
    assert found[others[0].uid]["rows"] == "b.csv row 1"


def test_rows_of_several_tables_are_named_by_their_own_file(adit: CommandLine) -> None:
    build_study(adit.folder / "images", patient_id="P1")
    (adit.folder / "a.csv").write_text("patient_id\nP1\n\nP8\n")
    (adit.folder / "b.csv").write_text("patient_id\nP9\n")

    ended = adit.run("plan", job(adit, "cohort: [{file: a.csv}, {file: b.csv}]"))

    assert "a.csv row 3: not-found" in ended.err
    assert "b.csv row 1: not-found" in ended.err


def test_check_and_plan_warn_of_what_a_spreadsheet_may_have_done(adit: CommandLine) -> None:
    (adit.folder / "images").mkdir()
    workbook(adit.folder / "a.xlsx", [["PatientID"], [10815], [4711], [Styled(20000, "00000")]])
    path = job(adit, "cohort: {file: a.xlsx}")

    checked, made = adit.run("check", path), adit.run("plan", path)

    assert checked.code == 0
    assert "column PatientID: 1 of 2 numbers are shorter" in checked.err
    assert "column PatientID: 1 of 2 numbers are shorter" in made.err

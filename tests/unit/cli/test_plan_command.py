from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest

from tests.support.builders import BuiltStudy, build_study
from tests.support.commandline import CommandLine

JOB = """\
adit: 1
name: two
source: {folder: images}
destinations: [{folder: out}]
key: a key for tests only
pseudonyms: {from: key}
select: {studies: {cohort: {file: cohort.csv}}, series: {exclude: [{modality: MR}]}}
"""


@pytest.fixture
def job(adit: CommandLine, thorax: BuiltStudy) -> Path:
    """A job of three rows: one with a study, one with none, and one that asks for the first again."""
    path = adit.folder / "two.yaml"
    path.write_text(JOB, "utf-8")
    rows = [f"007,{thorax.uid},left", ",1.2.3,none", f",{thorax.uid},again"]
    rows[0] = f"{thorax.patient_id},,left"
    (adit.folder / "cohort.csv").write_text("\n".join(["PatientID,study_uid,arm", *rows]) + "\n", "utf-8")
    return path


def test_plan_counts_from_rows_to_images_and_says_why_some_have_none(adit: CommandLine, job: Path) -> None:
    ended = adit.run("plan", job)

    assert ended.code == 0
    assert "two: 3 rows → 3 questions → 1 study → 1 series → 3 instances would move" in ended.err
    assert "1 row or UID without a match (1 not-found)" in ended.err
    assert "1 series kept out by select.series.exclude[0], such as" in ended.err
    assert "by typical sizes of images" in ended.err
    assert f"{adit.folder / 'out'} needs about" in ended.err


def test_plan_as_json_holds_the_numbers_too(adit: CommandLine, job: Path) -> None:
    made = json.loads(adit.run("plan", job, "--format", "json").out)

    assert (made["rows"], made["questions"], len(made["studies"]), made["changes"]) == (3, 3, 1, None)
    assert made["estimate"]["bytes"] == 3 * 530_000
    assert made["estimate"]["disks"][0]["needed"] == 3 * 530_000


def test_the_size_of_images_is_learned_from_what_moved(adit: CommandLine, job: Path) -> None:
    adit.run("transfer", job, "--progress", "none")
    build_study(adit.folder / "images", modalities=("CT",), patient_id="P9", instances=4)
    with (adit.folder / "cohort.csv").open("a") as cohort:
        cohort.write("P9,,new\n")

    ended = adit.run("plan", job, "--format", "json")

    estimate = json.loads(ended.out)["estimate"]
    assert estimate["learned_from_studies"] == 1
    assert 0 < estimate["bytes"] < 4 * 10_000
    assert estimate["seconds"] > 0


def test_the_next_plan_says_what_changed_since(adit: CommandLine, job: Path, thorax: BuiltStudy) -> None:
    adit.run("plan", job)
    added = build_study(adit.folder / "images", patient_id=thorax.patient_id)
    thorax.series[0].files[0].unlink()

    ended = adit.run("plan", job)

    assert f"since the last plan: 1 study new ({added.uid})" in ended.err
    assert f"since the last plan: 1 study with another number of images ({thorax.uid})" in ended.err
    job.write_text(JOB.replace("modality: MR", "modality: US"), "utf-8")
    assert "since the last plan: 2 studies under rules that have changed" in adit.run("plan", job).err
    kept = (adit.state / "jobs" / "two" / "last-plan.json").read_text("utf-8")
    assert thorax.patient_id not in kept


def test_a_plan_in_a_file_is_what_moves_and_drift_is_told(
    adit: CommandLine, job: Path, thorax: BuiltStudy
) -> None:
    gone = build_study(adit.folder / "images", patient_id=thorax.patient_id)
    adit.run("plan", job, "--output", "plan.json")
    added = build_study(adit.folder / "images", patient_id=thorax.patient_id)
    shutil.rmtree(gone.folder)

    ended = adit.run("transfer", "plan.json", "--progress", "none")
    dry = adit.run("transfer", "plan.json", "--dry-run")

    assert ended.code == 3
    assert f"study {gone.uid}: not-found: the plan has it, and it is no longer found" in ended.err
    assert f"since the plan was made: 1 study new, not moved ({added.uid})" in dry.err
    assert len({path.parent for path in (adit.folder / "out").rglob("*.dcm")}) == 1
    assert "1 study done" in ended.err
    assert thorax.patient_id not in (adit.folder / "plan.json").read_text("utf-8")


@pytest.mark.parametrize(
    "content",
    ['{"adit_plan": 2, "job": "x", "studies": []}', '{"adit_plan": 1, "job": "two.yaml", "studies": [1]}'],
)
def test_a_plan_that_cannot_be_read_is_told(adit: CommandLine, content: str) -> None:
    (adit.folder / "plan.json").write_text(content)

    ended = adit.run("transfer", "plan.json")

    assert ended.code == 2
    assert "plan.json is" in ended.err


def test_csv_is_the_cohort_with_what_the_source_has_for_each_row(
    adit: CommandLine, job: Path, thorax: BuiltStudy
) -> None:
    rows = list(csv.DictReader(io.StringIO(adit.run("plan", job, "--csv").out)))

    assert [(row["row"], row["arm"], row["StudyInstanceUID"], row["reason"]) for row in rows] == [
        ("cohort.csv row 1", "left", thorax.uid, ""),
        ("cohort.csv row 2", "none", "1.2.3", "not-found"),
        ("cohort.csv row 3", "again", thorax.uid, ""),
    ]
    assert (rows[0]["patient_id"], rows[0]["NumberOfStudyRelatedInstances"], rows[0]["state"]) == (
        thorax.patient_id,
        "3",
        "new",
    )


def test_a_series_that_a_row_names_is_part_of_its_line(
    adit: CommandLine, job: Path, thorax: BuiltStudy
) -> None:
    (adit.folder / "cohort.csv").write_text(f"study_uid,series_uid\n{thorax.uid},{thorax.series[0].uid}\n")

    (row,) = csv.DictReader(io.StringIO(adit.run("plan", job, "--csv").out))

    assert (row["series_uid"], row["NumberOfStudyRelatedSeries"]) == (thorax.series[0].uid, "1")


def test_the_csv_is_a_cohort_that_asks_for_the_same(adit: CommandLine, job: Path, thorax: BuiltStudy) -> None:
    (adit.folder / "cohort.csv").write_text(
        "PatientID,StudyDate,Modality,arm\n"
        f"{thorax.patient_id},,CT,left\n{thorax.patient_id},1999-01-01,,none\n"
        f"{thorax.patient_id},,US,none\n"
    )
    first = adit.run("plan", job, "--csv").out
    (adit.folder / "cohort.csv").write_text(first)

    ended = adit.run("plan", job, "--csv")
    rows = list(csv.DictReader(io.StringIO(ended.out)))

    assert ended.code == 0, ended.err
    assert [(row["StudyInstanceUID"], row["ModalitiesInStudy"]) for row in rows] == [
        (thorax.uid, "CT MR"),
        ("", ""),
        ("", "US"),
    ]
    assert [row["StudyDate"] for row in rows][1:] == ["19990101", ""]
    assert ended.out == first


def test_a_row_of_which_all_is_left_out_says_so(adit: CommandLine, job: Path, thorax: BuiltStudy) -> None:
    text = job.read_text().replace("studies: {", f"studies: {{exclude: {{uids: [{thorax.uid}]}}, ")
    job.write_text(text)

    rows = list(csv.DictReader(io.StringIO(adit.run("plan", job, "--csv").out)))

    assert [row["reason"] for row in rows] == ["excluded", "not-found", "excluded"]
    assert {row["state"] for row in rows} == {"none"}


def test_a_plan_is_never_written_over_something_else(adit: CommandLine, job: Path) -> None:
    text, cohort = job.read_text(), (adit.folder / "cohort.csv").read_text()

    over_job = adit.run("plan", job, "--output", job)
    over_cohort = adit.run("plan", job, "--output", "cohort.csv")
    nowhere = adit.run("plan", job, "--output", "missing/plan.json")

    assert (over_job.code, over_cohort.code, nowhere.code) == (2, 2, 2)
    assert f"{job} is there already and is no plan" in over_job.err
    assert "missing" in nowhere.err
    assert job.read_text() == text
    assert (adit.folder / "cohort.csv").read_text() == cohort


@pytest.mark.parametrize("before", ["", '{"adit_plan": 7, "parts": []}'])
def test_a_plan_may_be_made_again_under_any_name(adit: CommandLine, job: Path, before: str) -> None:
    if before:
        (adit.folder / "friday.plan").write_text(before)

    for _ in range(2):
        assert adit.run("plan", job, "--output", "friday.plan").code == 0

    assert adit.run("transfer", "friday.plan", "--dry-run").code == 0


def test_a_job_file_that_changed_since_the_plan_is_told(adit: CommandLine, job: Path) -> None:
    told = "since the plan was made: the job file has changed"
    adit.run("plan", job, "--output", "plan.json")
    same = adit.run("transfer", "plan.json", "--dry-run")
    job.write_text(job.read_text().replace("folder: out", "folder: elsewhere"))

    ended = adit.run("transfer", "plan.json", "--dry-run")

    assert told not in same.err
    assert told in ended.err

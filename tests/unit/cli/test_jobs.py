from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from adit_cli.deid.describe import describe_profile
from adit_cli.jobfile.load import load_job
from tests.support.builders import BuiltStudy, build_study, file_tree
from tests.support.commandline import CommandLine
from tests.support.program import Adit

JOB = """\
adit: 1
name: two
description: For a test
source: {folder: images}
destinations: [{folder: out, layout: "{PatientID}/{SOPInstanceUID}.dcm"}]
select: {studies: {cohort: {file: cohort.csv}}, series: {exclude: [{modality: MR}]}}
key: ${KEY:-not very secret}
pseudonyms: {from: key, prefix: T-}
"""


@pytest.fixture
def job(adit: CommandLine, thorax: BuiltStudy) -> Path:
    """A job over one study that is there and one that is not."""
    path = adit.folder / "two.yaml"
    path.write_text(JOB, "utf-8")
    (adit.folder / "cohort.csv").write_text(f"patient_id,study_uid\n{thorax.patient_id},\n,1.2.3\n", "utf-8")
    return path


def test_check_says_in_words_what_a_job_does(adit: CommandLine, job: Path) -> None:
    ended = adit.run("check", job)

    assert ended.code == 0
    words = " ".join(ended.out.split())
    assert words.startswith("two: For a test takes what the rows of cohort.csv name from folder images")
    assert "series none with modality MR" in words
    assert "patients get a pseudonym made from the key" in words
    assert "not very secret" not in ended.out


@pytest.mark.parametrize(("command", "stream"), [("check", "out"), ("plan", "err")])
def test_check_and_plan_say_what_de_identification_claims(
    adit: CommandLine, job: Path, command: str, stream: str
) -> None:
    words = " ".join(getattr(adit.run(command, job), stream).split())

    assert all(sentence in words for sentence in describe_profile(load_job(job).deid))
    assert "claimed: " in words


def test_check_shows_the_mistakes_of_every_file_and_ends_with_2(adit: CommandLine, job: Path) -> None:
    bad, worse = adit.folder / "bad.yaml", adit.folder / "worse.yaml"
    bad.write_text(JOB.replace("source:", "sorce:"), "utf-8")
    worse.write_text(JOB.replace("modality", "modalty"), "utf-8")

    ended = adit.run("check", bad, job, worse)

    assert ended.code == 2
    assert f"{bad}:4:1: sorce" in ended.err
    assert f"{worse}:" in ended.err
    assert "did you mean modality?" in ended.err
    assert ended.out.startswith("two: For a test")


def test_check_reads_the_cohort_too(adit: CommandLine, job: Path) -> None:
    (adit.folder / "cohort.csv").write_text("patient_id,study_uid\n,\n,not-a-uid\n", "utf-8")

    ended = adit.run("check", job)

    assert ended.code == 2
    assert "row 2" in ended.err


def test_plan_prints_the_uids_that_would_move_and_the_rest_on_stderr(
    adit: CommandLine, job: Path, thorax: BuiltStudy
) -> None:
    ended = adit.run("plan", job, "--format", "uid")

    assert (ended.code, ended.out) == (0, f"{thorax.uid}\n")
    assert "cohort.csv row 2: not-found: " in ended.err
    assert "two: 2 rows → 2 questions → 1 study → 1 series → 3 instances would move" in ended.err
    assert "kept out by select.series.exclude[0]" in ended.err
    assert not list(adit.state.rglob("state.sqlite"))


def test_plan_as_json_holds_everything(adit: CommandLine, job: Path, thorax: BuiltStudy) -> None:
    found = json.loads(adit.run("plan", job, "-f", "json").out)

    assert found["rows"] == 2
    assert [study["StudyInstanceUID"] for study in found["studies"]] == [thorax.uid]
    assert found["studies"][0]["state"] == "new"
    assert found["unresolved"][0]["row"] == 2
    assert found["excluded"][0]["count"] == 1


def test_a_job_runs_resumes_and_tells_what_became_of_it(
    adit: CommandLine, job: Path, thorax: BuiltStudy
) -> None:
    first = adit.run("transfer", job, "--progress", "plain")
    second = adit.run("transfer", job, "--progress", "none")
    planned = adit.run("plan", job, "-f", "uid")
    status = adit.run("status", "two", "--failed")
    rows = adit.run("status", job, "--format", "ndjson")

    assert first.code == 3, first.err
    assert f"[1/1] {thorax.uid} 3 instances" in first.err
    assert "1 row or UID became no task" in first.err
    assert "  cohort.csv row 2: not-found: " in first.err
    assert len(file_tree(adit.folder / "out")) == 3
    assert "nothing had to move" in second.err
    assert planned.out == ""
    assert "ended in an earlier run" in planned.err
    assert "1 success: 3 instances" in status.out
    assert "cohort.csv row 2: not-found: " in status.out
    assert json.loads(rows.out)["study_uid"] == thorax.uid
    assert thorax.patient_id not in first.err + second.err + status.out + rows.out


def test_events_of_a_run_are_one_json_object_a_line(adit: CommandLine, job: Path, thorax: BuiltStudy) -> None:
    ended = adit.run("transfer", job, "--progress", "json", "-q")

    events = [json.loads(line) for line in ended.out.splitlines()]
    assert events[-1]["event"] == "run-ended"
    assert events[-1]["counts"] == {"success": 1}
    assert {"run-started", "task-started", "task-ended"} < {event["event"] for event in events}
    assert thorax.patient_id not in ended.out
    assert ended.err == ""


def test_a_quiet_run_says_nothing_unless_a_person_should_look(
    adit: CommandLine, job: Path, thorax: BuiltStudy
) -> None:
    lacking = adit.run("transfer", job, "-q")
    (job.parent / "cohort.csv").write_text(f"study_uid\n{thorax.uid}\n", "utf-8")
    done = adit.run("transfer", job, "-q")

    assert lacking.code == 3
    assert lacking.out == ""
    assert "  cohort.csv row 2: not-found: " in lacking.err
    assert f"[1/1] {thorax.uid}" not in lacking.err
    assert (done.code, done.out, done.err) == (0, "", "")


def test_a_machine_without_jobs_says_so(adit: CommandLine) -> None:
    assert "no job has run here yet" in adit.run("status").err
    assert "no job has run here yet" in adit.run("jobs", "list").err


def test_a_dry_run_is_a_plan(adit: CommandLine, job: Path, thorax: BuiltStudy) -> None:
    ended = adit.run("transfer", job, "--dry-run")

    assert thorax.uid in ended.out
    assert not (adit.folder / "out").exists()
    assert not (adit.state / "jobs").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--var", "DAY"], "NAME=VALUE"),
        (["--var", "DAY=1"], "DAY"),
        (["--retry", "failre"], "did you mean failure?"),
        (["--stop-after", "soon"], "not a duration"),
        (["--workers", "0"], "--workers"),
        (["--uids", "missing.txt"], "missing.txt"),
    ],
)
def test_nonsense_ends_with_2_before_anything_moves(
    adit: CommandLine, job: Path, arguments: list[str], says: str
) -> None:
    ended = adit.run("transfer", job, *arguments)

    assert ended.code == 2
    assert says in ended.err
    assert not (adit.folder / "out").exists()


def test_uids_from_a_pipe_select_studies(adit: CommandLine, thorax: BuiltStudy) -> None:
    other = build_study(adit.folder / "images")
    job = adit.folder / "piped.yaml"
    job.write_text("adit: 1\nname: piped\nsource: {folder: images}\ndestinations: [{folder: out}]\n", "utf-8")
    program = Adit(adit.folder)

    planned = program("plan", job, "--uids", "-", "--format", "uid", stdin=f"{thorax.uid}\n")
    nothing = program("plan", job, "--uids", "-", "--format", "uid", "--fail-if-empty", stdin="")

    assert planned.out == f"{thorax.uid}\n"
    assert other.uid not in planned.out
    assert (nothing.code, nothing.out) == (4, "")


def test_jobs_are_listed_shown_and_forgotten_only_when_that_is_meant(
    adit: CommandLine, job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adit.run("transfer", job, "--progress", "none")
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))

    listed = adit.run("jobs", "list", "-f", "ndjson")
    shown = adit.run("jobs", "show", job)
    canceled = adit.run("jobs", "cancel", "two")
    asked = adit.run("jobs", "forget", "two")
    still = adit.run("status", "two")
    forgotten = adit.run("jobs", "forget", "two", "--yes")

    assert json.loads(listed.out)["job"] == "two"
    assert f"state: {adit.state / 'jobs' / 'two'}" in shown.out
    assert "is not running" in canceled.err
    assert (asked.code, still.code, forgotten.code) == (130, 0, 0)
    assert adit.run("status", "two").code == 2
    unknown = adit.run("jobs", "forget", "two")
    assert (unknown.code, "Forget" in unknown.err) == (2, False)


def ended_without_reader(folder: Path, *arguments: str | Path) -> tuple[int, str]:
    """Run a command whose standard output nobody reads; return its exit code and standard error."""
    with Adit(folder).start(*arguments) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        err = process.stderr.read()
    return process.returncode, err


@pytest.mark.usefixtures("thorax")
def test_a_reader_that_goes_away_ends_a_command_quietly(adit: CommandLine) -> None:
    assert ended_without_reader(adit.folder, "query", "images/", "-l", "instance", "-f", "json") == (0, "")


def test_a_run_goes_on_when_the_reader_of_its_events_goes_away(adit: CommandLine, job: Path) -> None:
    code, _ = ended_without_reader(adit.folder, "transfer", job, "--progress", "json")

    assert code == 3
    assert len(file_tree(adit.folder / "out")) == 3


def test_the_module_runs_like_the_program(adit: CommandLine) -> None:
    installed = Path(sys.executable).with_name("adit")

    done = subprocess.run([installed, "--version"], capture_output=True, text=True, check=True)

    assert done.stdout == adit.run("--version").out

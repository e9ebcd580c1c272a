from __future__ import annotations

import io
from pathlib import Path

import pytest

from tests.support.builders import BuiltStudy, build_study
from tests.support.commandline import CommandLine
from tests.support.program import Adit

JOB = """\
adit: 1
name: piped
source: {folder: images}
destinations: [{folder: out}]
select: {studies: {uids: "-"}}
"""


@pytest.fixture
def job(adit: CommandLine) -> Path:
    path = adit.folder / "piped.yaml"
    path.write_text(JOB, "utf-8")
    return path


def arrived(folder: Path) -> set[str]:
    return {path.stem for path in folder.rglob("*.dcm")}


def test_a_line_that_is_no_uid_is_told_by_its_number_only_and_the_rest_is_fetched(
    adit: CommandLine, thorax: BuiltStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"1.2.a4f\n{thorax.uid}\nDOE^JOHN\n"))

    ended = adit.run("get", "images/", "-", "-o", "out")

    assert ended.code == 3
    assert "no DICOM UID (digits and dots, at most 64): standard input:1, standard input:3\n" in ended.err
    assert "DOE" not in ended.err
    assert arrived(adit.folder / "out") == set(thorax.instance_uids)


def test_a_list_without_any_uid_is_a_mistake(
    adit: CommandLine, thorax: BuiltStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('[\n{"StudyInstanceUID": "1.2.3"\n'))

    ended = adit.run("get", thorax.folder, "-", "-o", "out")

    assert ended.code == 2
    assert "--format uid, or ndjson" in ended.err


@pytest.mark.parametrize("kind", ["uid", "tsv", "ndjson", "csv"])
def test_a_job_takes_what_a_query_prints(
    adit: CommandLine, thorax: BuiltStudy, job: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    build_study(adit.folder / "images" / "other", patient_id="P2", modalities=("CT",))
    monkeypatch.setattr(
        "sys.stdin", io.StringIO(adit.run("query", "images/", "--modality", "MR", "-f", kind).out)
    )

    ended = adit.run("transfer", job, "--uids", "-", "--progress", "none")

    assert ended.code == 0, ended.err
    assert arrived(adit.folder / "out") == set(thorax.instance_uids)


def test_series_that_a_query_prints_restrict_get_and_transfer_to_them(
    adit: CommandLine, thorax: BuiltStudy, job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = adit.run("query", "images/", "-l", "series", "--modality", "MR", "-f", "ndjson").out
    series = next(one for one in thorax.series if one.uid in found)

    monkeypatch.setattr("sys.stdin", io.StringIO(found))
    fetched = adit.run("get", "images/", "-", "-o", "fetched")
    monkeypatch.setattr("sys.stdin", io.StringIO(found))
    moved = adit.run("transfer", job, "--uids", "-", "--progress", "none")

    assert (fetched.code, moved.code) == (0, 0), fetched.err + moved.err
    assert arrived(adit.folder / "fetched") == arrived(adit.folder / "out") == set(series.instance_uids)


def test_a_job_moves_what_is_named_although_other_lines_name_nothing(
    adit: CommandLine, thorax: BuiltStudy, job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{thorax.uid}\n1.2.x\n"))

    ended = adit.run("transfer", job, "--uids", "-", "--progress", "none")

    assert ended.code == 3
    assert "standard input:2" in ended.err
    assert arrived(adit.folder / "out") == set(thorax.instance_uids)


@pytest.mark.parametrize("command", [("plan",), ("transfer", "--dry-run")])
def test_a_plan_of_lines_that_name_nothing_is_no_whole_one(
    adit: CommandLine,
    thorax: BuiltStudy,
    job: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{thorax.uid}\n1.2.x\n"))

    ended = adit.run(command[0], job, *command[1:])

    assert ended.code == 3
    assert thorax.uid in ended.out


def test_check_says_that_the_studies_are_piped_in(adit: CommandLine, thorax: BuiltStudy, job: Path) -> None:
    words = " ".join(adit.run("check", job).out.split())

    assert thorax.uid not in words
    assert "takes the studies whose UIDs are piped in from folder images" in words


def test_a_reader_that_leaves_early_is_no_mistake_and_pipes_have_no_colour(
    tmp_path: Path, thorax: BuiltStudy
) -> None:
    adit = Adit(tmp_path)
    process = adit.start("query", thorax.folder, "-l", "instance")
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdin.close()
    process.stdout.close()
    told = process.stderr.read()
    process.wait(60)
    process.stderr.close()
    whole = adit("query", thorax.folder, "-l", "instance")

    assert told == ""
    assert "\x1b" not in whole.out
    assert whole.out.count("\n") == 7


@pytest.mark.parametrize("uids", ['"-"', '["1.2.3", "-"]'])
def test_a_job_that_says_so_reads_standard_input_without_an_option(
    adit: CommandLine, thorax: BuiltStudy, job: Path, monkeypatch: pytest.MonkeyPatch, uids: str
) -> None:
    job.write_text(JOB.replace('"-"', uids))
    build_study(adit.folder / "images" / "other", patient_id="P2", modalities=("CT",))
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{thorax.uid}\r\n{thorax.uid}\r\n"))

    ended = adit.run("transfer", job, "--progress", "none")

    assert ended.code == (0 if uids == '"-"' else 3), ended.err
    assert arrived(adit.folder / "out") == set(thorax.instance_uids)


def test_a_job_without_a_dash_leaves_standard_input_alone(
    adit: CommandLine, thorax: BuiltStudy, job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job.write_text(JOB.replace('"-"', f"[{thorax.uid}]"))
    piped = io.StringIO("1.2.3\n")
    monkeypatch.setattr("sys.stdin", piped)

    assert adit.run("plan", job, "--format", "uid").out.split() == [thorax.uid]
    assert piped.read() == "1.2.3\n"


def test_a_job_that_waits_for_a_pipe_does_not_wait_at_a_terminal(
    adit: CommandLine, job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = io.StringIO("1.2.3\n")
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)

    ended = adit.run("plan", job)

    assert ended.code == 2
    assert "stands for standard input: pipe UIDs" in ended.err


@pytest.mark.usefixtures("thorax")
def test_an_empty_pipe_moves_nothing(adit: CommandLine, job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))

    ended = adit.run("transfer", job, "--progress", "none", "--fail-if-empty")

    assert ended.code == 4, ended.err
    assert arrived(adit.folder / "out") == set()


def test_a_number_is_a_patient_id_rather_than_a_uid_and_is_not_repeated(
    adit: CommandLine, thorax: BuiltStudy, job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"00471\n{thorax.uid}\n"))

    ended = adit.run("plan", job, "--format", "uid")

    assert (ended.code, ended.out.split()) == (3, [thorax.uid])
    assert "standard input:1" in ended.err
    assert "00471" not in ended.err

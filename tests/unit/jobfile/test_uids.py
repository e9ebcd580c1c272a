from __future__ import annotations

from pathlib import Path

import pytest

from adit_cli.jobfile.uid_lines import UidLines, parse_uids
from adit_cli.jobfile.uids import read_uids
from tests.support.jobfiles import job_text, problems, read_job


def with_uids(written: str) -> str:
    return job_text(select=f"{{studies: {{uids: {written}}}}}")


@pytest.mark.parametrize(
    ("written", "uids"),
    [
        ("[1.2.3, 1.20, 1.2.3]", ("1.2.3", "1.20")),
        ("1.2.3", ("1.2.3",)),
        ("{file: uids.txt}", ("1.2.3", "1.2.4")),
        ("{file: table.csv}", ("1.2.5",)),
        ("[1.9, {file: uids.txt}, {file: table.csv}]", ("1.9", "1.2.3", "1.2.4", "1.2.5")),
        ("[1.2.3/1.2.3.1]", ("1.2.3/1.2.3.1",)),
    ],
)
def test_uids_are_a_list_or_the_first_column_of_a_file(
    tmp_path: Path, written: str, uids: tuple[str, ...]
) -> None:
    (tmp_path / "uids.txt").write_text("\n1.2.3\n# seen\n1.2.4 \n\n1.2.3\n")
    (tmp_path / "table.csv").write_text('\ufeffStudyInstanceUID,PatientID\n"1.2.5",17\n', "utf-8")

    assert read_job(tmp_path, with_uids(written)).select.studies.uids == uids


def test_uids_may_come_from_a_pipe(tmp_path: Path) -> None:
    job = read_job(tmp_path, with_uids('"-"'), stdin_uids=("1.3", "1.2", "1.3"))

    assert job.select.studies.uids == ("1.3", "1.2")


def test_uids_of_a_pipe_take_the_place_of_those_in_the_file(tmp_path: Path) -> None:
    assert read_job(tmp_path, with_uids("[9.9]"), stdin_uids=("1.2",)).select.studies.uids == ("1.2",)


def test_uids_of_a_pipe_are_added_where_the_list_says_so(tmp_path: Path) -> None:
    job = read_job(tmp_path, with_uids('[9.9, "-"]'), stdin_uids=("1.2",))

    assert job.select.studies.uids == ("9.9", "1.2")


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        (
            '"-"',
            "- stands for standard input: pipe UIDs into `adit transfer JOB.yaml`",
        ),
        ("[1.2, 1.x]", "[1]: must be a UID: digits and dots, at most 64, not '1.x'"),
        (
            "{fil: x}",
            "must be a list of UIDs, {file: uids.txt}, or - for standard input",
        ),
        ("{file: no.txt}", "cannot read no.txt: No such file or directory"),
        ("{file: .}", "cannot read .: Is a directory"),
        ("{file: empty.txt}", "empty.txt holds no UID"),
        ("{file: image.dcm}", "image.dcm is not a text file in UTF-8"),
        (
            "{file: odd.txt}",
            "no UID at the beginning of odd.txt:2, odd.txt:4: one a line is needed",
        ),
    ],
)
def test_what_is_no_list_of_uids_is_told(tmp_path: Path, written: str, problem: str) -> None:
    (tmp_path / "empty.txt").write_text("uid\n")
    (tmp_path / "image.dcm").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "odd.txt").write_text("uid\nfoo\n1.2\nbar\n")

    (found,) = problems(tmp_path, with_uids(written))

    assert found.partition("select.studies.uids")[2].removeprefix(": ") == problem


def test_a_file_full_of_bad_lines_is_told_in_one() -> None:
    with pytest.raises(ValueError, match="f:11 and 15 more: one a line is needed"):
        read_uids(["bad"] * 26, "f")


@pytest.mark.parametrize(
    ("text", "uids", "refused"),
    [
        ("1.2\n1.3\n1.2\n", ("1.2", "1.3"), ()),
        ("\ufeffStudyInstanceUID\n1.2\n", ("1.2",), ()),
        ('StudyInstanceUID,PatientID\n"1.2",P1\n\n', ("1.2",), ()),
        ("PatientID\tStudyInstanceUID\tStudyDate\n\t1.2\t20240131\n", ("1.2",), ()),
        ("study_uid;series_uid\n1.2;1.2.9\n1.3;\n", ("1.2/1.2.9", "1.3"), ()),
        ("1.2.a4f\n1.3\nDOE^JOHN\n", ("1.3",), ("f:1", "f:3")),
        ('{"StudyInstanceUID": "1.2", "PatientID": "17"}\n{"StudyInstanceUID": "1.2"}\n', ("1.2",), ()),
        ('{"StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.2.9"}\n', ("1.2/1.2.9",), ()),
        (
            '{"PatientID": "17"}\n{"StudyInstanceUID": 1.5}\n{"Study\n{"StudyInstanceUID": null}',
            ("1.5",),
            ("f:1", "f:3", "f:4"),
        ),
        ("[\n  {\n", (), ("f:2",)),
        ("../../etc\n1.2/../3\n1.2/1.3/1.4\n", (), ("f:2", "f:3")),
    ],
)
def test_lines_name_studies_in_every_form_that_our_commands_print(
    text: str, uids: tuple[str, ...], refused: tuple[str, ...]
) -> None:
    assert parse_uids(text.splitlines(keepends=True), "f") == UidLines(uids, refused)

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

import pytest

from adit_cli.cli.output import Format, Row, show_rows
from adit_cli.cli.table import Column

COLUMNS = {"PatientID": Column("Patient ID"), "StudyInstanceUID": Column("Study UID", "UI")}
ROWS: Sequence[Row] = [
    {"PatientID": 'a "b", c', "StudyInstanceUID": "1.2", "StudyDescription": "tab\there"},
    {"PatientID": "00042", "StudyInstanceUID": ""},
]


def shown(capsys: pytest.CaptureFixture[str], output: Format | None, rows: Sequence[Row] = ROWS) -> str:
    show_rows(rows, COLUMNS, output, uid="StudyInstanceUID")
    return capsys.readouterr().out


def test_a_pipe_gets_one_record_a_line_with_keywords_as_heading(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, None).split("\n") == [
        "PatientID\tStudyInstanceUID\tStudyDescription",
        'a "b", c\t1.2\ttab here',
        "00042\t\t",
        "",
    ]


def test_csv_reads_back_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    rows = list(csv.DictReader(io.StringIO(shown(capsys, Format.CSV))))

    assert rows[0] == {"PatientID": 'a "b", c', "StudyInstanceUID": "1.2", "StudyDescription": "tab\there"}


def test_json_keeps_what_is_unknown_absent(capsys: pytest.CaptureFixture[str]) -> None:
    rows = json.loads(shown(capsys, Format.JSON))

    assert rows == ROWS


def test_ndjson_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, Format.NDJSON).splitlines()

    assert [json.loads(line) for line in lines] == ROWS


def test_uid_prints_only_the_uids_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, Format.UID) == "1.2\n"


@pytest.mark.parametrize("output", [Format.TABLE, Format.NDJSON, Format.UID])
def test_nothing_found_prints_nothing(capsys: pytest.CaptureFixture[str], output: Format) -> None:
    assert shown(capsys, output, []) == ""


def test_nothing_found_is_still_valid_json_and_a_heading_for_tsv(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, Format.JSON, []) == "[]\n"
    assert shown(capsys, Format.TSV, []) == "PatientID\tStudyInstanceUID\n"

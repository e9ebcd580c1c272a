"""`adit query` of several nodes, while answers come, and into pipes that close."""

from __future__ import annotations

import json
import subprocess
import threading
from pathlib import Path

import pytest

from adit_cli.cli.streaming import UidStream
from adit_cli.cli.wording import width
from tests.support.builders import BuiltStudy, build_study
from tests.support.commandline import CommandLine
from tests.support.finding import answering, refusing, studies
from tests.support.process import LOOPBACK
from tests.support.program import Adit
from tests.support.scripted import ScriptedPeer, scripted_peer

BUFFERED = {"PYTHONUNBUFFERED": ""}
"""As Python writes to pipes by itself; some environments say otherwise."""


def address(peer: ScriptedPeer) -> str:
    return f"SCRIPTED@{LOOPBACK}:{peer.port}"


def rows(text: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in text.splitlines()]


def test_rows_of_several_nodes_say_which_they_are_from(adit: CommandLine, thorax: BuiltStudy) -> None:
    other = build_study(adit.folder / "other")

    ended = adit.run("query", "images/", "other/", "-f", "ndjson")

    found = {row["node"]: row["StudyInstanceUID"] for row in rows(ended.out)}
    assert found == {"images/": thorax.uid, "other/": other.uid}
    assert adit.run("query", "images/", "other/").out.splitlines()[0].startswith("node\tPatientID\t")


def test_a_node_that_fails_is_named_and_hides_no_other(adit: CommandLine, thorax: BuiltStudy) -> None:
    with scripted_peer(refusing) as peer:
        ended = adit.run("query", address(peer), "images/", "-f", "uid")

    assert (ended.code, ended.out) == (3, f"{thorax.uid}\n")
    assert f"{address(peer)} failed:" in ended.err


def test_nodes_that_all_fail_are_all_named(adit: CommandLine) -> None:
    with scripted_peer(refusing) as one, scripted_peer(refusing) as other:
        ended = adit.run("query", address(one), address(other), "-f", "json")

    assert (ended.code, ended.out) == (6, "")
    assert f"{address(one)} failed:" in ended.err
    assert f"{address(other)} failed:" in ended.err


def test_a_limit_counts_the_rows_of_all_nodes(adit: CommandLine) -> None:
    build_study(adit.folder / "images")
    build_study(adit.folder / "other")

    assert len(adit.run("query", "images/", "other/", "--limit", "1", "-f", "uid").out.split()) == 1


def test_the_first_rows_are_shown_before_the_last_answer_has_come(tmp_path: Path) -> None:
    shown = threading.Event()
    first, *others = studies(3)
    with scripted_peer(answering([first], others, shown)) as peer:
        process = Adit(tmp_path, BUFFERED).start("query", address(peer), "-f", "uid")
        assert process.stdout is not None
        line = process.stdout.readline()
        shown.set()
        rest, errors = process.communicate(timeout=120)

    assert (line, rest.split(), errors) == ("1.2.3.1\n", ["1.2.3.2", "1.2.3.3"], "")


def test_a_table_begins_while_a_slow_node_still_answers(tmp_path: Path) -> None:
    shown = threading.Event()
    first, *others = studies(3)
    with scripted_peer(answering([first], others, shown)) as peer:
        process = Adit(tmp_path, BUFFERED).start("query", address(peer), "-f", "table")
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        shown.set()
        rest, errors = process.communicate(timeout=120)

    assert "Doe, Number 1" in lines[2]
    assert len(rest.splitlines()) == 2
    assert errors == "3 studies\n"


def test_a_pipe_that_closes_ends_it_quietly(tmp_path: Path) -> None:
    with scripted_peer(answering(studies(5000))) as peer:
        adit = Adit(tmp_path)
        process = adit.start("query", address(peer), "-f", "ndjson")
        head = subprocess.Popen(["head", "-1"], stdin=process.stdout, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        process.stdout.close()
        process.stdout = None
        line, _ = head.communicate(timeout=120)
        _, errors = process.communicate(timeout=120)

    assert json.loads(line)["StudyInstanceUID"] == "1.2.3.1"
    assert (process.returncode, errors) == (0, "")


def test_a_table_fits_80_columns_and_reads_like_one(
    adit: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with scripted_peer(answering(studies(150, StudyDescription="A description that is long " * 2))) as peer:
        ended = adit.run("query", address(peer), "-f", "table")

    lines = ended.out.splitlines()
    assert max(map(width, lines)) <= 80
    assert len(lines) == 152
    assert lines[2].split()[:5] == ["P1", "Doe,", "Number", "1", "2024-01-31"]
    assert "1,001" in lines[2]
    assert "1,150" in lines[-1]
    assert ended.err == "150 studies\n"


def test_a_table_without_rows_says_so(adit: CommandLine, thorax: BuiltStudy) -> None:
    ended = adit.run("query", thorax.folder, "--patient-id", "nobody", "-f", "table")

    assert (ended.out, ended.err) == ("", "no study matches\n")


def test_nothing_is_coloured_in_a_pipe(adit: CommandLine, thorax: BuiltStudy) -> None:
    assert "\x1b" not in adit.run("query", thorax.folder, "-f", "table").out


@pytest.mark.parametrize("output", ["json", "csv", "tsv", "ndjson", "uid"])
def test_no_rows_are_still_a_whole_document(adit: CommandLine, thorax: BuiltStudy, output: str) -> None:
    out = adit.run("query", thorax.folder, "--patient-id", "nobody", "-f", output).out

    assert out.startswith({"json": "[]", "csv": "PatientID,", "tsv": "PatientID\t"}.get(output, ""))
    assert len(out.splitlines()) == (0 if output in {"ndjson", "uid"} else 1)


def test_a_uid_that_comes_twice_is_printed_once(capsys: pytest.CaptureFixture[str]) -> None:
    stream = UidStream("StudyInstanceUID")

    for uid in ("1.2", "1.3", "1.2"):
        stream.add([{"StudyInstanceUID": uid}])

    assert capsys.readouterr().out == "1.2\n1.3\n"


def test_json_is_one_list_of_objects(adit: CommandLine) -> None:
    with scripted_peer(answering(studies(3))) as peer:
        found = json.loads(adit.run("query", address(peer), "-f", "json").out)

    assert [one["StudyInstanceUID"] for one in found] == ["1.2.3.1", "1.2.3.2", "1.2.3.3"]


def test_csv_of_series_names_their_studies(adit: CommandLine, thorax: BuiltStudy) -> None:
    heading, row, *_ = adit.run("query", thorax.folder, "-l", "series", "-f", "csv").out.splitlines()

    assert heading.split(",")[-1] == "StudyInstanceUID"
    assert row.split(",")[-1] == thorax.uid


@pytest.mark.parametrize(
    ("arguments", "matches"),
    [
        (["--series-description", "/mr AXIAL/i"], True),
        (["--series-description", "nothing such"], False),
        (["--age", "40..50"], True),
        (["--age", "..39"], False),
        (["--min-instances", "6", "--max-instances", "6"], True),
        (["--min-instances", "7"], False),
        (["--birth-date", "1980"], True),
        (["--sex", "m"], False),
        (["--institution", "*hospital*"], True),
        (["--series-number", "2..9"], True),
        (["--series-number", "3..9"], False),
        (["--time", "0800-0900"], True),
        (["--time", "0900-"], False),
        (["--level", "patient", "--modality", "MR"], True),
        (["--level", "patient", "--modality", "US"], False),
        (["--level", "patient", "--series-description", "MR*"], True),
        (["--level", "series", "--age", "44", "--min-instances", "3"], True),
        (["--level", "instance", "--series-number", "2"], True),
    ],
)
def test_each_filter_tells_matching_from_other(
    adit: CommandLine, arguments: list[str], *, matches: bool
) -> None:
    build_study(
        adit.folder / "images",
        modalities=("CT", "MR"),
        PatientBirthDate="19800101",
        PatientSex="F",
        StudyDate="20240131",
        StudyTime="083000",
        InstitutionName="General Hospital",
    )

    assert bool(adit.run("query", "images/", *arguments, "-f", "uid").out) is matches


def test_two_patients_under_one_study_uid_are_two_rows_and_one_uid(adit: CommandLine) -> None:
    first = build_study(adit.folder / "images", patient_id="P1")
    build_study(adit.folder / "images", patient_id="P2", StudyInstanceUID=first.uid)

    shown = adit.run("query", "images/", "-f", "ndjson").out

    assert {row["PatientID"] for row in rows(shown)} == {"P1", "P2"}
    assert adit.run("query", "images/", "-f", "uid").out == f"{first.uid}\n"
    below = rows(adit.run("query", "images/", "-l", "series", "-f", "ndjson").out)
    assert len({row["SeriesInstanceUID"] for row in below}) == len(below) == 2


def test_two_patients_with_one_id_are_two_rows(adit: CommandLine) -> None:
    for issuer in ("here", "there"):
        build_study(adit.folder / "images", patient_id="P1", IssuerOfPatientID=issuer)

    found = rows(adit.run("query", "images/", "-l", "patient", "-f", "ndjson").out)

    assert {row["IssuerOfPatientID"] for row in found} == {"here", "there"}

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from tests.support.builders import BuiltStudy, file_tree
from tests.support.commandline import CommandLine


def arrived(folder: Path) -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in folder.rglob("*.dcm")}


def test_a_piped_query_is_tsv_with_keywords(adit: CommandLine, thorax: BuiltStudy) -> None:
    ended = adit.run("query", "images/", "--modality", "MR")

    heading, row = ended.out.splitlines()
    assert heading.split("\t")[0] == "PatientID"
    assert thorax.uid in row


def test_series_as_ndjson_are_objects_by_keyword(adit: CommandLine, thorax: BuiltStudy) -> None:
    ended = adit.run("query", "images/", "--level", "series", "--study-uid", thorax.uid, "--format", "ndjson")

    rows = [json.loads(line) for line in ended.out.splitlines()]
    assert {row["SeriesInstanceUID"] for row in rows} == {series.uid for series in thorax.series}
    assert {row["Modality"] for row in rows} == {"CT", "MR"}


def test_k_matches_and_shows(adit: CommandLine, thorax: BuiltStudy) -> None:
    shown = adit.run("query", "images/", "-k", "PatientSex", "-f", "json").out
    by_tag = adit.run("query", "images/", "-k", "0010,0020=P1", "-f", "uid").out
    none = adit.run("query", "images/", "-k", "PatientID=P2", "-f", "uid").out

    assert json.loads(shown)[0]["PatientSex"] == "F"
    assert by_tag == f"{thorax.uid}\n"
    assert none == ""


def test_instances_and_patients_are_levels_too(adit: CommandLine, thorax: BuiltStudy) -> None:
    instances = adit.run("query", "images/", "-l", "instance", "-f", "uid").out.split()
    patients = adit.run("query", "images/", "-l", "patient", "-f", "uid").out.split()

    assert sorted(instances) == sorted(thorax.instance_uids)
    assert patients == ["P1"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--date", "last week or so"], "not a date"),
        (["-k", "PatientSx"], "no such keyword"),
        (["--description", "/(/"], "not valid"),
        (["--study-uid", "1.2*"], "no UID"),
        (["-k", "SeriesInstanceUID=1.2.x"], "no UID"),
        (["--series-number", "two"], "not a number"),
        (["--time", "25:00"], "not a time"),
        (["-k", "PixelData"], "no query can ask"),
        (["--patient-id", "1", "-k", "PatientID=2"], "-k PatientID: is looked for as something else already"),
        (["-k", "PatientSex=F", "-k", "0010,0040=M"], "-k PatientSex: is looked for as something else"),
        (["--limit", "0"], "--limit"),
        (["--level", "room"], "--level"),
        (["--aet", "A_TITLE_THAT_IS_TOO_LONG"], "at most 16"),
    ],
)
def test_nonsense_is_answered_with_how_to_write_it(
    adit: CommandLine, thorax: BuiltStudy, arguments: list[str], says: str
) -> None:
    ended = adit.run("query", thorax.folder, *arguments)

    assert ended.code == 2
    assert says in ended.err


def test_what_is_looked_for_may_also_be_named_to_be_shown(adit: CommandLine, thorax: BuiltStudy) -> None:
    ended = adit.run("query", thorax.folder, "--patient-id", thorax.patient_id, "-k", "PatientID")
    other = adit.run("query", thorax.folder, "--patient-id", "nobody", "-k", "PatientID")

    assert len(ended.out.splitlines()) == 2
    assert len(other.out.splitlines()) == 1


def test_an_unknown_node_is_answered_with_those_that_are_known(adit: CommandLine) -> None:
    adit.config.write_text("nodes: {clinical: {dimse: A@h:104}}\n", "utf-8")

    ended = adit.run("query", "clincal")

    assert ended.code == 2
    assert "did you mean clinical?" in ended.err


def test_an_empty_node_is_none_and_not_the_folder_one_is_in(adit: CommandLine, thorax: BuiltStudy) -> None:
    ended = adit.run("query", "")

    assert (ended.code, ended.out) == (2, "")
    assert thorax.uid not in ended.err


def test_fail_if_empty_tells_a_script_that_nothing_matched(adit: CommandLine, thorax: BuiltStudy) -> None:
    assert adit.run("query", thorax.folder, "--patient-id", "P2").code == 0
    assert adit.run("query", thorax.folder, "--patient-id", "P2", "--fail-if-empty").code == 4


def test_what_a_query_found_is_fetched_through_a_pipe(
    adit: CommandLine, thorax: BuiltStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = adit.run("query", "images/", "--modality", "MR", "--format", "uid").out
    monkeypatch.setattr("sys.stdin", io.StringIO(found))

    ended = adit.run("get", "images/", "-", "-o", "out")

    assert ended.code == 0
    original = {uid: file.read_bytes() for uid, file in zip(thorax.instance_uids, thorax.files, strict=True)}
    assert arrived(adit.folder / "out") == original
    assert "1 study complete in out: 6 instances" in ended.err


def test_a_second_get_fetches_nothing_again(adit: CommandLine, thorax: BuiltStudy) -> None:
    adit.run("get", "images/", thorax.uid, "-o", "out")
    first = next((adit.folder / "out").rglob("*.dcm"))
    first.unlink()

    ended = adit.run("get", "images/", thorax.uid, "-o", "out")

    assert "1 instance, " in ended.err
    assert "5 instances already there" in ended.err
    assert len(arrived(adit.folder / "out")) == 6


@pytest.mark.parametrize("named", [True, False])
def test_only_some_series_are_fetched_whether_their_study_is_named_or_not(
    adit: CommandLine, thorax: BuiltStudy, *, named: bool
) -> None:
    series = thorax.series[1]
    study = [thorax.uid] if named else []

    ended = adit.run("get", "images/", *study, "--series", series.uid, "-o", "out")

    assert ended.code == 0
    assert arrived(adit.folder / "out").keys() == set(series.instance_uids)


def test_an_unknown_study_is_named_and_ends_with_3(adit: CommandLine, thorax: BuiltStudy) -> None:
    ended = adit.run("get", "images/", "1.2.3", thorax.uid, "-o", "out")

    assert ended.code == 3
    assert "1.2.3: the source has no such study" in ended.err
    assert len(arrived(adit.folder / "out")) == 6


@pytest.mark.parametrize("uid", ["../../etc", "1.2.3\n", "1" * 65, ""])
def test_what_is_no_uid_is_refused_before_anything_is_asked(adit: CommandLine, uid: str) -> None:
    ended = adit.run("get", ".", uid, "-o", "out")

    assert ended.code == 2
    assert not (adit.folder / "out").exists()


def test_get_without_any_study_says_how_to_name_one(adit: CommandLine) -> None:
    assert "name their UIDs" in adit.run("get", ".", "-o", "out").err


def test_a_broken_file_in_a_folder_is_named_and_the_others_are_sent(
    adit: CommandLine, thorax: BuiltStudy
) -> None:
    cut = thorax.folder / "cut.dcm"
    cut.write_bytes(thorax.files[0].read_bytes()[:-5])

    ended = adit.run("send", "archive/", thorax.folder)

    assert ended.code == 3
    assert f"{cut}: rejected: " in ended.err
    assert "6 files accepted, 1 refused" in ended.err


def test_send_files_what_it_is_given_and_names_what_is_no_dicom(
    adit: CommandLine, thorax: BuiltStudy
) -> None:
    text = adit.folder / "notes.txt"
    text.write_text("no image")
    (thorax.folder / "readme.txt").write_text("no image either")

    ended = adit.run("send", "archive/", thorax.folder, text)

    assert ended.code == 3
    assert f"{text}: rejected: " in ended.err
    assert "6 files accepted, 1 refused, 1 passed over, not DICOM" in ended.err
    assert sorted(file_tree(adit.folder / "archive").values()) == sorted(
        file.read_bytes() for file in thorax.files
    )


def test_two_files_that_claim_to_be_one_instance_are_told(adit: CommandLine, thorax: BuiltStudy) -> None:
    first, second = thorax.files[:2]
    impostor = adit.folder / "impostor.dcm"
    impostor.write_bytes(first.read_bytes() + b"\0\0")

    ended = adit.run("send", "archive/", first, second, impostor, first)

    assert ended.code == 3
    assert f"{impostor}: mismatch: claims to be the same instance as {first}" in ended.err
    assert "2 files accepted, 1 refused" in ended.err


def test_quiet_commands_say_nothing_but_what_went_wrong(adit: CommandLine, thorax: BuiltStudy) -> None:
    fetched = adit.run("get", "images/", thorax.uid, "-o", "out", "-q")
    sent = adit.run("-q", "send", "copy/", "images/")
    changed = adit.run("deid", "images/", "-o", "clean", "-q")
    lacking = adit.run("get", "-q", "images/", "1.2.3", "-o", "out")

    assert (fetched.code, fetched.out, fetched.err) == (0, "", "")
    assert (sent.code, sent.out, sent.err) == (0, "", "")
    assert (changed.code, changed.out, changed.err) == (0, "", "")
    assert (lacking.code, lacking.err) == (3, "1.2.3: the source has no such study\n")


def test_sending_nothing_is_a_mistake(adit: CommandLine) -> None:
    (adit.folder / "empty").mkdir()

    assert adit.run("send", "archive/", "empty").code == 2
    assert adit.run("send", "archive/", "missing.dcm").code == 2

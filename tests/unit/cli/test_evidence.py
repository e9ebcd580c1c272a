"""The tables of old and new identifiers that a job writes on request."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.support.builders import BuiltStudy, file_tree
from tests.support.commandline import CommandLine

JOB = (
    "adit: 1\nname: notes\nsource: {folder: images}\ndestinations: [{folder: out}]\npseudonyms: {from: key}\n"
)


def job(adit: CommandLine, more: str = "") -> Path:
    path = adit.folder / "job.yaml"
    path.write_text(JOB + more, "utf-8")
    return path


def uids(adit: CommandLine) -> dict[str, str]:
    with (adit.folder / "notes" / "uid_mapping.csv").open(newline="") as file:
        return {row["id_old"]: row["id_new"] for row in csv.DictReader(file)}


def test_a_job_tells_which_identifiers_became_which(adit: CommandLine, thorax: BuiltStudy) -> None:
    ended = adit.run("transfer", job(adit, "deidentify: {evidence: notes}\n"), "--progress", "none")

    delivered = {path.stem for path in (adit.folder / "out").rglob("*.dcm")}
    assert ended.code == 0, ended.err
    assert {uids(adit)[uid] for uid in thorax.instance_uids} == delivered
    assert "P1," in (adit.folder / "notes" / "patid_mapping.csv").read_text()
    assert (adit.folder / "notes").stat().st_mode & 0o077 == 0


def test_the_same_again_moves_nothing_and_loses_no_evidence(adit: CommandLine, thorax: BuiltStudy) -> None:
    path = job(adit, "deidentify: {evidence: notes}\n")
    adit.run("transfer", path, "--progress", "none")
    first = file_tree(adit.folder / "notes")
    for file in (adit.folder / "notes").iterdir():
        file.unlink()

    ended = adit.run("transfer", path, "--progress", "none")

    assert ended.code == 0, ended.err
    assert thorax.uid in uids(adit)
    assert file_tree(adit.folder / "notes") == first


def test_what_was_moved_without_notes_is_moved_again_when_evidence_is_asked_for(
    adit: CommandLine, thorax: BuiltStudy
) -> None:
    adit.run("transfer", job(adit), "--progress", "none")
    before = file_tree(adit.folder / "out")

    ended = adit.run("transfer", job(adit, "deidentify: {evidence: notes}\n"), "--progress", "none")

    assert ended.code == 0, ended.err
    assert set(thorax.instance_uids) <= uids(adit).keys()
    assert file_tree(adit.folder / "out") == before


def test_evidence_may_move_to_another_folder_without_moving_studies_again(
    adit: CommandLine, thorax: BuiltStudy
) -> None:
    adit.run("transfer", job(adit, "deidentify: {evidence: first}\n"), "--progress", "none")
    (adit.folder / "images" / "other").mkdir()

    ended = adit.run("transfer", job(adit, "deidentify: {evidence: notes}\n"), "--progress", "json")

    assert ended.code == 0, ended.err
    assert thorax.uid in uids(adit)
    assert '"pending": 0' in ended.out + ended.err


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("deidentify: {evidence: out/notes}", "lies in a destination folder"),
        ("deidentify: {evidence: job.yaml}", "the evidence folder"),
        ("deidentify: {burned_in: {masks: masks.yaml}}", "deidentify.burned_in.masks: there is no such file"),
        (
            "deidentify: {rules: {StudyDescription: {clean: words.txt}}}",
            "deidentify.rules.StudyDescription.clean: there is no such file",
        ),
    ],
)
def test_places_and_files_that_cannot_be_are_said_before_anything_moves(
    adit: CommandLine, thorax: BuiltStudy, more: str, says: str
) -> None:
    ended = adit.run("transfer", job(adit, more + "\n"), "--progress", "none")

    assert ended.code == 2
    assert says in ended.err
    assert thorax.patient_id not in ended.err
    assert not list(adit.folder.rglob("out/**/*.dcm"))

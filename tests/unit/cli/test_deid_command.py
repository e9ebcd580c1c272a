from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from adit_cli.deid.files import DeidResult
from adit_cli.deid.profile import Profile
from adit_cli.engine import deid_batch
from tests.support.builders import BuiltStudy, build_studies, build_study, file_tree
from tests.support.commandline import CommandLine
from tests.support.reading import read_dicom


def written(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.dcm"))


def test_files_lose_their_patient_and_no_path_names_one(adit: CommandLine, thorax: BuiltStudy) -> None:
    ended = adit.run("deid", thorax.folder, "-o", "clean", "--profile", "basic")

    assert ended.code == 0, ended.err
    paths = written(adit.folder / "clean")
    assert len(paths) == 6
    headers = [read_dicom(path) for path in paths]
    assert len({header.PatientID for header in headers}) == 1
    assert len({header.StudyInstanceUID for header in headers}) == 1
    assert all(header.PatientIdentityRemoved == "YES" for header in headers)
    originals = {thorax.uid, thorax.patient_id, *thorax.instance_uids, *(s.uid for s in thorax.series)}
    parts = {part for path in paths for part in path.relative_to(adit.folder / "clean").parts}
    assert not {part.removesuffix(".dcm") for part in parts} & originals


def test_the_same_again_gives_the_same_and_writes_over_nothing(adit: CommandLine, thorax: BuiltStudy) -> None:
    adit.run("deid", thorax.folder, "-o", "clean")
    first = file_tree(adit.folder / "clean")

    again = adit.run("deid", thorax.folder, "-o", "clean")
    other_rules = adit.run("deid", thorax.folder, "-o", "clean", "--rule", "PatientSex=keep")

    assert (again.code, other_rules.code) == (0, 3)
    assert "is there already and differs" in other_rules.err
    assert file_tree(adit.folder / "clean") == first


def test_results_below_the_originals_are_no_originals(adit: CommandLine, thorax: BuiltStudy) -> None:
    adit.run("deid", ".", "-o", "clean")
    first = file_tree(adit.folder / "clean")

    again = adit.run("deid", ".", "-o", "clean")
    mixed = adit.run("deid", "images", "-o", "images")

    assert "6 of them by an earlier run" in again.err
    assert file_tree(adit.folder / "clean") == first
    assert (mixed.code, "images holds the originals" in mixed.err) == (2, True)
    assert len(written(adit.folder / "images")) == len(thorax.files)


def test_what_may_not_leave_is_named_with_its_reason(adit: CommandLine, thorax: BuiltStudy) -> None:
    report = build_study(adit.folder / "images", modalities=("CT",), instances=1, Modality="SR")
    text = adit.folder / "images" / "notes.txt"
    text.write_text("about DOE^JOHN")

    ended = adit.run("deid", "images", "-o", "clean")

    assert ended.code == 3
    assert f"{report.files[0].relative_to(adit.folder)}: deid-blocked: " in ended.err
    assert "images/notes.txt: rejected: " in ended.err
    assert "6 files " in ended.err
    assert ", 2 files left out" in ended.err
    assert len(written(adit.folder / "clean")) == len(thorax.files)


def test_many_files_are_done_by_several_processes_with_the_same_result(adit: CommandLine) -> None:
    build_studies(adit.folder / "images", 4, instances=15)
    adit.run("deid", *sorted((adit.folder / "images").iterdir())[:2], "-o", "some")

    ended = adit.run("deid", "images", "-o", "all")

    assert ended.code == 0, ended.err
    assert len(written(adit.folder / "all")) == 60
    assert file_tree(adit.folder / "some").items() <= file_tree(adit.folder / "all").items()


def test_rules_and_a_key_of_ones_own(adit: CommandLine, thorax: BuiltStudy) -> None:
    for name in ("one", "two"):
        (adit.folder / f"{name}.key").write_text(f"a key for tests, number {name}")
        rules = ["--rule", "PatientSex=keep", "--rule", "StudyDescription=replace:CHEST CT"]
        adit.run("deid", thorax.files[0], "-o", name, "--key-file", f"{name}.key", *rules)

    one, two = (read_dicom(written(adit.folder / name)[0]) for name in ("one", "two"))
    assert (one.PatientSex, one.StudyDescription) == ("F", "CHEST CT")
    assert one.PatientID != two.PatientID
    assert one.StudyInstanceUID != two.StudyInstanceUID


def test_a_job_lends_its_rules_key_and_pseudonyms(adit: CommandLine, thorax: BuiltStudy) -> None:
    (adit.folder / "map.csv").write_text(f"patient_id,pseudonym\n{thorax.patient_id},LUNG-7\n", "utf-8")
    job = adit.folder / "job.yaml"
    job.write_text(
        "adit: 1\nname: lung\nsource: {folder: a}\ndestinations: [{folder: b}]\n"
        "pseudonyms: {from: map, file: map.csv}\ntrial: {protocol_id: LUNG}\n",
        "utf-8",
    )

    ended = adit.run("deid", thorax.folder, "-o", "clean", "--job", job)

    assert ended.code == 0, ended.err
    header = read_dicom(written(adit.folder / "clean")[0])
    assert (header.PatientID, header.ClinicalTrialProtocolID) == ("LUNG-7", "LUNG")
    assert (adit.folder / "clean" / "LUNG-7").is_dir()


def test_explain_shows_before_after_and_the_rule_and_writes_nothing(
    adit: CommandLine, thorax: BuiltStudy
) -> None:
    before = file_tree(adit.folder / "images")

    ended = adit.run("deid", thorax.files[0], "--explain")

    rows = [line.split("\t") for line in ended.out.splitlines()]
    assert rows[0][:4] == ["keyword", "before", "after", "rule"]
    assert ["PatientBirthDate", "19610203", "", "is emptied"] in [row[:4] for row in rows]
    assert file_tree(adit.folder / "images") == before


def test_a_dry_run_writes_nothing(adit: CommandLine, thorax: BuiltStudy) -> None:
    ended = adit.run("deid", thorax.folder, "-o", "clean", "--dry-run")

    assert "6 files (" in ended.err
    assert "would be written" in ended.err
    assert not (adit.folder / "clean").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "where to?"),
        (["-o", "clean", "--rule", "PatientSx=keep"], "did you mean PatientSex?"),
        (["-o", "clean", "--rule", "PatientSex"], "KEY=ACTION"),
        (["-o", "clean", "--rule", "PatientSex=forget"], "a rule is one of"),
        (["-o", "clean", "--profile", "none"], "changes nothing"),
        (["-o", "clean", "--profile", "extra"], "basic"),
        (["-o", "clean", "--key-file", "missing.key"], "missing.key"),
        (["-o", "clean", "--layout", "{PatientIDs}.dcm"], "did you mean PatientID?"),
        (["-o", "clean", "--evidence", "clean/notes"], "names their patients"),
        (["-o", "clean", "missing.dcm"], "no file or folder missing.dcm"),
    ],
)
def test_nonsense_ends_with_2_and_writes_nothing(
    adit: CommandLine, thorax: BuiltStudy, arguments: list[str], says: str
) -> None:
    ended = adit.run("deid", thorax.folder, *arguments)

    assert ended.code == 2
    assert says in ended.err
    assert not (adit.folder / "clean").exists()


def test_the_same_again_does_only_what_is_left_and_says_so(
    adit: CommandLine, thorax: BuiltStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    adit.run("deid", thorax.folder, "-o", "clean")
    (missing, touched, *_) = written(adit.folder / "clean")
    missing.unlink()
    content = touched.read_bytes()
    touched.write_bytes(content + b"\0")
    made: list[Path] = []
    real = deid_batch.deidentify_file

    def counted(source: Path, target: Path, profile: Profile, pseudonym: str, *, noting: bool) -> DeidResult:
        made.append(source)
        return real(source, target, profile, pseudonym, noting=noting)

    monkeypatch.setattr(deid_batch, "deidentify_file", counted)
    again = adit.run("deid", thorax.folder, "-o", "clean")

    assert len(made) == 2
    assert again.code == 3
    assert "is there already and differs" in again.err
    assert "5 files (" in again.err
    assert "4 of them by an earlier run" in again.err


def test_other_rules_key_or_source_are_no_earlier_run(adit: CommandLine, thorax: BuiltStudy) -> None:
    adit.run("deid", thorax.folder, "-o", "clean")
    for number, name in enumerate(("1.key", "2.key")):
        (adit.folder / name).write_text(f"a key for tests, number {number}")

    other_rules = adit.run("deid", thorax.folder, "-o", "clean", "--rule", "PatientSex=keep")
    other_key = adit.run("deid", thorax.folder, "-o", "clean", "--key-file", "1.key")
    thorax.files[0].touch()
    touched = adit.run("deid", thorax.folder, "-o", "clean")

    assert "earlier run" not in other_rules.err + other_key.err
    assert "5 of them by an earlier run" in touched.err


def test_a_template_names_results_by_their_new_attributes(adit: CommandLine, thorax: BuiltStudy) -> None:
    template = "{PatientID}/{Modalities}/{SeriesNumber:03}-{Modality}/{InstanceNumber}.dcm"

    ended = adit.run("deid", thorax.folder, "-o", "clean", "--layout", template)

    assert ended.code == 0, ended.err
    places = {path.relative_to(adit.folder / "clean").parts[1:] for path in written(adit.folder / "clean")}
    assert len(places) == len(thorax.files)
    assert all(place[0].startswith("CT-MR") for place in places)
    assert {place[-1] for place in places} == {"1.dcm", "2.dcm", "3.dcm"}


def test_files_that_a_template_puts_in_one_place_are_set_apart(adit: CommandLine, thorax: BuiltStudy) -> None:
    for _ in range(2):
        ended = adit.run("deid", thorax.folder, "-o", "clean", "--layout", "{PatientID}/image.dcm")
        assert ended.code == 0, ended.err

    found = written(adit.folder / "clean")
    assert len(found) == len({read_dicom(path).SOPInstanceUID for path in found}) == len(thorax.files)


def test_the_layout_tree_keeps_the_folders_under_names_that_say_nothing(adit: CommandLine) -> None:
    study = build_study(adit.folder / "images" / "Doe_John_19610203" / "Head", instances=3)

    ended = adit.run("deid", "images", "-o", "clean", "--layout", "tree")

    assert ended.code == 0, ended.err
    found = written(adit.folder / "clean")
    depth = len(study.files[0].relative_to(adit.folder / "images").parts)
    assert len(found) == 3
    assert len({path.parent for path in found}) == len({path.parent for path in study.files})
    assert all(len(path.relative_to(adit.folder / "clean").parts) == depth for path in found)
    assert not any(word in str(path.relative_to(adit.folder)) for path in found for word in ("Doe", "Head"))


def test_what_rules_keep_of_the_original_is_a_code_in_a_path(adit: CommandLine, thorax: BuiltStudy) -> None:
    kept = ["--option", "retain-uids", "--rule", "PatientID=keep"]

    ended = adit.run("deid", thorax.folder, "-o", "clean", *kept)

    assert ended.code == 0, ended.err
    found = written(adit.folder / "clean")
    assert {str(read_dicom(path).SOPInstanceUID) for path in found} == set(thorax.instance_uids)
    parts = {part.removesuffix(".dcm") for path in found for part in path.relative_to(adit.folder).parts}
    assert not parts & {thorax.uid, thorax.patient_id, *thorax.instance_uids}


def test_evidence_tells_of_this_run_and_of_the_earlier_ones(adit: CommandLine, thorax: BuiltStudy) -> None:
    adit.run("deid", *thorax.files[:2], "-o", "clean", "--evidence", "notes")
    ended = adit.run("deid", thorax.folder, "-o", "clean", "--evidence", "notes")

    with (adit.folder / "notes" / "uid_mapping.csv").open(newline="") as file:
        uids = dict(list(csv.reader(file))[1:])
    with (adit.folder / "notes" / "actions.csv").open(newline="") as file:
        actions = {(row["keyword"], row["action"]): row["elements"] for row in csv.DictReader(file)}
    assert "2 of them by an earlier run" in ended.err
    assert set(thorax.instance_uids) <= uids.keys()
    assert {uids[uid] for uid in thorax.instance_uids} == {p.stem for p in written(adit.folder / "clean")}
    assert actions["SOPInstanceUID", "new-uid"] == str(len(thorax.files))
    assert "P1," in (adit.folder / "notes" / "patid_mapping.csv").read_text()


def test_no_journal_names_a_file_or_a_patient_unless_evidence_is_asked_for(adit: CommandLine) -> None:
    study = build_study(adit.folder / "Quillhaven", patient_id="MRN4711007", instances=1)

    adit.run("deid", "Quillhaven", "-o", "clean")

    kept = b"".join(file_tree(adit.state / "deid").values())
    assert kept
    assert not any(word in kept for word in (b"Quillhaven", b"MRN4711007", study.uid.encode()))


def test_drafts_of_killed_runs_are_removed_and_those_of_living_ones_are_not(
    adit: CommandLine, thorax: BuiltStudy
) -> None:
    (adit.folder / "clean").mkdir()
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    dead, living = (adit.folder / "clean" / f".adit-{pid}-x.part" for pid in (gone.pid, os.getpid()))
    dead.touch()
    living.touch()

    adit.run("deid", thorax.folder, "-o", "clean")

    assert not dead.exists()
    assert living.exists()


def test_what_cannot_be_read_is_left_out_and_named(adit: CommandLine, thorax: BuiltStudy) -> None:
    (thorax.folder / "nowhere.dcm").symlink_to("missing")
    os.mkfifo(thorax.folder / "pipe")

    ended = adit.run("deid", thorax.folder, "-o", "clean")

    assert ended.code == 3
    assert "nowhere.dcm: rejected: is no regular file" in ended.err
    assert "pipe: rejected: is no regular file" in ended.err
    assert len(written(adit.folder / "clean")) == len(thorax.files)


def test_a_defect_in_the_reading_of_one_file_takes_no_other_with_it(
    adit: CommandLine, thorax: BuiltStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = deid_batch.deidentify_file

    def breaking(source: Path, target: Path, profile: Profile, pseudonym: str, *, noting: bool) -> DeidResult:
        if source == thorax.files[0].relative_to(adit.folder):
            raise KeyError("secret of DOE^JOHN")
        return real(source, target, profile, pseudonym, noting=noting)

    monkeypatch.setattr(deid_batch, "deidentify_file", breaking)
    ended = adit.run("deid", "images", "-o", "clean")

    assert ended.code == 3
    assert "internal: unexpected KeyError" in ended.err
    assert "DOE" not in ended.err
    assert len(written(adit.folder / "clean")) == len(thorax.files) - 1


def test_explain_writes_json_with_the_file_of_each_element(adit: CommandLine, thorax: BuiltStudy) -> None:
    ended = adit.run("deid", *thorax.files[:2], "--explain", "--format", "json")

    rows = json.loads(ended.out)
    assert {row["file"] for row in rows} == {str(path) for path in thorax.files[:2]}
    (birth, *_) = [row for row in rows if row["keyword"] == "PatientBirthDate"]
    assert (birth["tag"], birth["before"], birth["after"]) == ("0010,0030", "19610203", "")


def test_of_files_with_one_uid_the_first_is_taken_however_many_work(adit: CommandLine) -> None:
    study = build_study(adit.folder / "images", instances=50)
    again = adit.folder / "images" / "again"
    again.mkdir()
    for number, path in enumerate(study.files):
        data_set = read_dicom(path)
        data_set.KVP = str(number + 200)
        data_set.save_as(again / f"{number}.dcm")

    ended = adit.run("deid", again, *study.files, "-o", "clean")

    assert ended.code == 3
    assert ended.err.count("is there already and differs") == len(study.files)
    assert {int(read_dicom(path).KVP) for path in written(adit.folder / "clean")} == set(range(200, 250))

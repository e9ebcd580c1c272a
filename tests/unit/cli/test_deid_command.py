from __future__ import annotations

from pathlib import Path

import pytest

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

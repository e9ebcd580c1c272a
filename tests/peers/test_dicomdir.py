"""DICOMDIRs that DCMTK reads, continues, and makes itself."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from adit_cli.dicom.directory import listed
from adit_cli.jobfile.node import FolderNode
from adit_cli.nodes import open_destination
from adit_cli.nodes.folder import FolderSource
from tests.support.builders import build_study
from tests.support.folder_delivery import deliver_to
from tests.support.peers import run

pytestmark = pytest.mark.peers


def disc(root: Path, files: list[Path]) -> Path:
    node = FolderNode.model_validate({"folder": root, "dicomdir": True})
    assert all(one.accepted for one in deliver_to(open_destination("out", node, "ADIT"), files))
    return root / "DICOMDIR"


def uids(directory: Path) -> set[str]:
    return {one.values["SOPInstanceUID"] for one in listed(directory.read_bytes())}


def test_dcmtk_reads_what_we_write(tmp_path: Path) -> None:
    study = build_study(tmp_path / "in", modalities=("CT", "MR"), instances=2)

    shown = run(["dcmdump", disc(tmp_path / "disc", study.files)])

    assert all(uid in shown for uid in study.instance_uids)
    assert shown.count("ReferencedFileID") == len(study.files)


def test_dciodvfy_finds_no_error_in_what_we_write_and_continue(tmp_path: Path) -> None:
    one = build_study(tmp_path / "in", modalities=("CT", "MR"), instances=2)
    other = build_study(tmp_path / "in", patient_id="P2", modalities=("MR",))
    disc(tmp_path / "disc", one.files)

    directory = disc(tmp_path / "disc", other.files)
    said = subprocess.run(["dciodvfy", directory], capture_output=True, check=True)

    lines = said.stderr.decode("latin-1").splitlines()
    assert lines[0] == "BasicDirectory"
    assert not [line for line in lines if "Error" in line]


def test_dicom3tools_follows_it_to_every_file(tmp_path: Path) -> None:
    study = build_study(tmp_path / "in", modalities=("CT", "MR"), instances=2)
    directory = disc(tmp_path / "disc", study.files)

    said = subprocess.run(["dcdirdmp", directory], capture_output=True, check=True)

    text = said.stderr.decode("latin-1")
    named = [line.partition("->")[2].strip() for line in text.splitlines() if "->" in line]
    there = {(directory.parent / name.replace("\\", "/")).read_bytes() for name in named}
    assert len(named) == len(study.files)
    assert there == {path.read_bytes() for path in study.files}
    assert [text.count(f"{level} ") for level in ("PATIENT", "STUDY", "SERIES", "IMAGE")] == [1, 1, 2, 4]


def test_dcm2xml_reads_the_names_in_their_character_set(tmp_path: Path) -> None:
    study = build_study(tmp_path / "in", instances=1, PatientName="Müller^Zoë")

    shown = run(["dcm2xml", "--convert-to-utf8", disc(tmp_path / "disc", study.files)])

    assert ">Müller^Zoë<" in shown


def test_dcmtk_continues_what_we_write(tmp_path: Path) -> None:
    one, other = (build_study(tmp_path / "in", instances=2) for _ in range(2))
    directory = disc(tmp_path / "disc", one.files)
    for number, path in enumerate(other.files):
        (directory.parent / f"IM{number}").write_bytes(path.read_bytes())

    run(["dcmmkdir", "--append", "--invent", "+id", directory.parent, "+D", directory, "IM0", "IM1"])

    assert uids(directory) == {*one.instance_uids, *other.instance_uids}


def test_we_continue_what_dcmtk_writes_and_miss_what_it_names(tmp_path: Path) -> None:
    one, other = (build_study(tmp_path / "in", instances=2) for _ in range(2))
    root = tmp_path / "disc"
    root.mkdir()
    for number, path in enumerate(one.files):
        (root / f"IM{number}").write_bytes(path.read_bytes())
    run(["dcmmkdir", "--invent", "+id", root, "+D", root / "DICOMDIR", "IM0", "IM1"])

    directory = disc(root, other.files)
    (root / "IM1").unlink()

    assert uids(directory) == {*one.instance_uids, *other.instance_uids}
    assert FolderSource("in", root).notes()[1].endswith("a DICOMDIR names: IM1")
    assert run(["dcmdump", directory])

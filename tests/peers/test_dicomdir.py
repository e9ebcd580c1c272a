"""DICOMDIRs that DCMTK reads, continues, and makes itself."""

from __future__ import annotations

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
    assert FolderSource("in", root).notes()[1].endswith("not there: IM1")
    assert run(["dcmdump", directory])

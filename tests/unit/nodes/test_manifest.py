from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from adit_cli.dicom.files import read_file_meta
from adit_cli.jobfile.archive import Archive
from adit_cli.jobfile.folder import DEFAULT_LAYOUT, FolderNode
from adit_cli.jobfile.job import Job
from adit_cli.nodes import open_destination
from adit_cli.nodes.base import Delivered, Ready
from adit_cli.tasks.identity import TaskKeys
from adit_cli.tasks.task import TransferTask
from tests.support.builders import BuiltStudy, build_study
from tests.support.jobfiles import job_text, read_job


def deliver(
    root: Path, study: BuiltStudy, files: list[Path], archive: Archive | None = None
) -> list[Delivered]:
    node = FolderNode(folder=root, layout=DEFAULT_LAYOUT, archive=archive, manifest=True)
    delivery = open_destination("out", node, "ADIT").begin(study.uid)
    metas = [(path, read_file_meta(path)) for path in files]
    ready = [Ready(path, m.sop_instance_uid, m.sop_class_uid, m.transfer_syntax_uid, 1) for path, m in metas]
    return delivery.add(ready) + delivery.finish()


def checked(root: Path, manifest: str) -> list[str]:
    """Return what sha256sum finds right, in the folder as somebody else would look at it."""
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", manifest], cwd=root, check=True, capture_output=True, text=True
    )
    return [line.removesuffix(": OK") for line in done.stdout.splitlines()]


@pytest.fixture
def study(tmp_path: Path) -> BuiltStudy:
    return build_study(tmp_path / "in", patient_id="Ä/1", modalities=("CT", "MR"), instances=2)


def test_every_file_of_a_study_has_its_sum(tmp_path: Path, study: BuiltStudy) -> None:
    deliver(tmp_path / "out", study, study.files)

    names = checked(tmp_path / "out", f"manifests/{study.uid}.sha256")
    assert sorted(names) == sorted(
        str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.dcm")
    )
    assert len(names) == 4
    assert (tmp_path / "out" / "manifests" / f"{study.uid}.sha256").stat().st_mode & 0o777 == 0o600


def test_later_files_are_added_and_the_same_change_nothing(tmp_path: Path, study: BuiltStudy) -> None:
    deliver(tmp_path / "out", study, study.files[:2])
    deliver(tmp_path / "out", study, study.files)
    manifest = tmp_path / "out" / "manifests" / f"{study.uid}.sha256"
    before = manifest.stat().st_ino

    deliver(tmp_path / "out", study, study.files)

    assert len(checked(tmp_path / "out", f"manifests/{study.uid}.sha256")) == len(
        list((tmp_path / "out").rglob("*.dcm"))
    )
    assert manifest.stat().st_ino == before


def test_a_refused_file_does_not_change_the_sums(tmp_path: Path, study: BuiltStudy) -> None:
    deliver(tmp_path / "out", study, study.files)
    study.files[0].write_bytes(study.files[0].read_bytes()[:-1] + b"\xff")

    told = deliver(tmp_path / "out", study, study.files)

    assert sum(not one.accepted for one in told) == 1
    assert len(checked(tmp_path / "out", f"manifests/{study.uid}.sha256")) == 4


def test_an_archive_has_its_sum_beside_it(tmp_path: Path, study: BuiltStudy) -> None:
    deliver(tmp_path / "out", study, study.files[:1], Archive(format="zip"))
    deliver(tmp_path / "out", study, study.files, Archive(format="zip"))

    assert checked(tmp_path / "out", f"{study.uid}.zip.sha256") == [f"{study.uid}.zip"]


def test_a_job_that_asks_for_sums_is_another_job(tmp_path: Path) -> None:
    text = job_text(destinations=f"[{{folder: {tmp_path / 'out'}{{}}}}]")
    without, asked = (read_job(tmp_path, text.replace("{}", form)) for form in ("", ", manifest: true"))

    assert key_of(without) != key_of(asked)


def key_of(job: Job) -> str:
    return TaskKeys(job, b"key").key_of(TransferTask("", "1.2.3", "clinical", job.destinations))

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from adit_cli.errors import DiskFullError, NodeError, Reason, TransientNodeError
from adit_cli.jobfile.folder import DEFAULT_LAYOUT
from adit_cli.nodes import aside, staging, storage
from adit_cli.nodes.aside import STAGING
from adit_cli.nodes.base import Delivered
from tests.support.builders import BuiltStudy, build_study, file_tree
from tests.support.folder_delivery import deliver_to, folder_destination, ready_file

FLAT = "{SOPInstanceUID}.dcm"


def deliver(
    root: Path, files: Sequence[Path], layout: str = DEFAULT_LAYOUT, key: str = "task"
) -> list[Delivered]:
    return deliver_to(folder_destination(root, layout), files, key)


def accepted(told: Sequence[Delivered]) -> list[bool]:
    return [one.accepted for one in told]


@pytest.fixture
def study(tmp_path: Path) -> BuiltStudy:
    return build_study(tmp_path / "in", patient_id="P1", modalities=("CT", "MR"), instances=2)


def test_a_study_stands_where_the_layout_puts_it(tmp_path: Path, study: BuiltStudy) -> None:
    told = deliver(tmp_path / "out", study.files)

    tree = file_tree(tmp_path / "out")
    assert {one.uid for one in told} == set(study.instance_uids)
    assert all(accepted(told))
    assert sorted(tree.values()) == sorted(path.read_bytes() for path in study.files)
    assert all(name.startswith("P1/2024") and "-CT-MR/" in name for name in tree)


def test_nothing_is_seen_before_the_study_is_whole(tmp_path: Path, study: BuiltStudy) -> None:
    delivery = folder_destination(tmp_path / "out", DEFAULT_LAYOUT).begin("task")

    told = delivery.add([ready_file(path) for path in study.files])

    assert told == []
    assert [path.name for path in (tmp_path / "out").iterdir()] == [STAGING]
    delivery.abandon()
    assert list((tmp_path / "out").iterdir()) == []


def test_only_the_owner_can_look_at_it_whatever_the_umask(tmp_path: Path, study: BuiltStudy) -> None:
    before = os.umask(0)
    try:
        deliver(tmp_path / "out", study.files)
    finally:
        os.umask(before)

    modes = {path.is_dir(): path.stat().st_mode & 0o777 for path in (tmp_path / "out").rglob("*")}
    assert modes == {True: 0o700, False: 0o600}


def shared(root: Path, files: Sequence[Path]) -> set[int]:
    inodes = {path.stat().st_ino for path in root.rglob("*.dcm")}
    return inodes & {path.stat().st_ino for path in files}


@pytest.mark.parametrize("spooled", [True, False])
def test_files_of_somebody_else_are_neither_shared_nor_changed(
    tmp_path: Path, study: BuiltStudy, *, spooled: bool
) -> None:
    offered: list[Path] = []
    for number, path in enumerate(study.files):
        path.chmod(0o644)
        offered.append(tmp_path / f"{number}.dcm" if spooled else path)
        if spooled:
            offered[-1].hardlink_to(path)
    delivery = folder_destination(tmp_path / "out", FLAT).begin("task")

    delivery.add([ready_file(path, spooled=spooled) for path in offered])
    delivery.finish()

    assert not shared(tmp_path / "out", study.files)
    assert {path.stat().st_mode & 0o777 for path in study.files} == {0o644}


def test_a_file_that_is_only_ours_is_not_copied(tmp_path: Path, study: BuiltStudy) -> None:
    delivery = folder_destination(tmp_path / "out", FLAT).begin("task")

    delivery.add([ready_file(path, spooled=True) for path in study.files])
    delivery.finish()

    assert len(shared(tmp_path / "out", study.files)) == 4


@pytest.mark.parametrize("layout", [DEFAULT_LAYOUT, FLAT])
def test_the_same_study_again_changes_nothing(tmp_path: Path, study: BuiltStudy, layout: str) -> None:
    deliver(tmp_path / "out", study.files, layout)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}

    told = deliver(tmp_path / "out", study.files, layout, "another task")

    assert all(accepted(told))
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}.keys() == before.keys()
    assert not (tmp_path / "out" / STAGING).exists()


def test_other_content_is_never_written_over(tmp_path: Path, study: BuiltStudy) -> None:
    deliver(tmp_path / "out", study.files)
    before = file_tree(tmp_path / "out")
    data = bytearray(study.files[0].read_bytes())
    data[-1] ^= 1
    study.files[0].write_bytes(data)

    told = deliver(tmp_path / "out", study.files)

    refused = [one for one in told if not one.accepted]
    assert [(one.uid, one.reason) for one in refused] == [(study.instance_uids[0], Reason.MISMATCH)]
    assert "P1" not in refused[0].message
    assert file_tree(tmp_path / "out") == before


def test_files_are_added_to_a_study_that_is_there(tmp_path: Path, study: BuiltStudy) -> None:
    layout = "{PatientID}/{StudyDate}/{SOPInstanceUID}"
    deliver(tmp_path / "out", study.files[:1], layout)

    told = deliver(tmp_path / "out", study.files[1:], layout)

    assert all(accepted(told))
    assert len(file_tree(tmp_path / "out")) == 4


def test_files_with_one_place_are_set_apart(tmp_path: Path, study: BuiltStudy) -> None:
    told = deliver(tmp_path / "out", study.files, "{PatientID}/image.dcm")

    assert all(accepted(told))
    assert len(file_tree(tmp_path / "out")) == 4


def test_a_file_given_twice_is_taken_once(tmp_path: Path, study: BuiltStudy) -> None:
    told = deliver(tmp_path / "out", [study.files[0], study.files[0]])

    assert accepted(told) == [True]


def test_a_file_that_cannot_be_read_is_refused_and_the_others_go(tmp_path: Path, study: BuiltStudy) -> None:
    bad = ready_file(study.files[0])
    study.files[0].write_bytes(study.files[0].read_bytes()[:200])
    delivery = folder_destination(tmp_path / "out", FLAT).begin("task")

    told = delivery.add([bad, ready_file(study.files[1])]) + delivery.finish()

    assert [(one.accepted, one.reason) for one in told] == [(False, Reason.REJECTED), (True, None)]


def test_finishing_without_files_leaves_an_empty_folder(tmp_path: Path) -> None:
    delivery = folder_destination(tmp_path / "out", FLAT).begin("task")

    assert delivery.finish() == []
    delivery.abandon()
    assert list((tmp_path / "out").iterdir()) == []


def test_what_a_killed_run_left_is_removed_but_not_what_another_fills(
    tmp_path: Path, study: BuiltStudy
) -> None:
    destination = folder_destination(tmp_path / "out", FLAT)
    alive = destination.begin("alive")
    alive.add([ready_file(study.files[0])])
    dead = tmp_path / "out" / STAGING / "dead"
    dead.mkdir()
    (dead / "0").write_bytes(b"left")

    other = destination.begin("new")

    assert not dead.exists()
    other.abandon()
    assert accepted(alive.finish()) == [True]


def test_one_task_is_not_delivered_twice_at_once(tmp_path: Path) -> None:
    destination = folder_destination(tmp_path / "out", FLAT)
    first = destination.begin("task")

    with pytest.raises(TransientNodeError, match="another process delivers task"):
        destination.begin("task")

    first.abandon()
    destination.begin("task").abandon()


def test_a_corner_that_went_away_while_waiting_for_it_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = aside.fcntl.flock
    corner = tmp_path / "out" / STAGING
    gone: list[int] = []

    def flock(descriptor: int, operation: int) -> None:
        real(descriptor, operation)
        if not gone:
            gone.append(descriptor)
            (corner / "lock").unlink()
            corner.rmdir()

    monkeypatch.setattr(aside.fcntl, "flock", flock)

    folder_destination(tmp_path / "out", FLAT).begin("task").abandon()

    assert gone
    assert not corner.exists()


def test_a_root_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")

    with pytest.raises(NodeError, match="is not a folder"):
        folder_destination(tmp_path / "out", FLAT).begin("task")


def test_a_root_that_cannot_be_written_says_whose_business_it_is() -> None:
    with pytest.raises(NodeError, match="out: ") as caught:
        folder_destination(Path("/proc/adit"), FLAT).begin("task")

    assert caught.value.hint


@pytest.mark.parametrize(
    ("number", "kind", "hint"),
    [
        (errno.ENOSPC, DiskFullError, "free some space"),
        (errno.EDQUOT, DiskFullError, "free some space"),
        (errno.EACCES, NodeError, "who owns the folder"),
        (errno.EIO, NodeError, ""),
    ],
)
def test_what_the_disk_says_becomes_an_error_of_ours(
    tmp_path: Path,
    study: BuiltStudy,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    kind: type[NodeError],
    hint: str,
) -> None:
    delivery = folder_destination(tmp_path / "out", FLAT).begin("task")

    def fail(*_: object, spooled: bool) -> None:
        assert not spooled
        raise OSError(number, os.strerror(number), str(study.files[0]))

    monkeypatch.setattr(staging, "take_private", fail)

    with pytest.raises(kind, match="out: ") as caught:
        delivery.add([ready_file(study.files[0])])

    assert hint in caught.value.hint
    assert str(tmp_path) not in str(caught.value)
    delivery.abandon()


def refuse_links(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "hardlink_to", refuse)


def test_a_disk_without_links_gets_copies(
    tmp_path: Path, study: BuiltStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_links(monkeypatch, errno.EPERM)

    delivery = folder_destination(tmp_path / "out", FLAT).begin("task")
    delivery.add([ready_file(path, spooled=True) for path in study.files])
    first = delivery.finish()
    second = deliver(tmp_path / "out", study.files, FLAT)

    assert accepted(first) == accepted(second) == [True] * 4
    assert sorted(file_tree(tmp_path / "out").values()) == sorted(path.read_bytes() for path in study.files)


def test_another_error_of_a_link_is_not_hidden(
    tmp_path: Path, study: BuiltStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_links(monkeypatch, errno.EIO)
    delivery = folder_destination(tmp_path / "out", FLAT).begin("task")

    with pytest.raises(NodeError, match="Input/output error"):
        delivery.add([ready_file(study.files[0], spooled=True)])

    monkeypatch.undo()
    delivery.add([ready_file(study.files[0])])
    refuse_links(monkeypatch, errno.EIO)
    with pytest.raises(NodeError, match="Input/output error"):
        delivery.finish()
    delivery.abandon()


def during_rename(monkeypatch: pytest.MonkeyPatch, act: Callable[[Path], None]) -> None:
    """Let something happen just before the study takes its place."""
    real = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if self.name == "study":
            act(target)
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)


def test_a_study_folder_that_appears_in_between_is_added_to(
    tmp_path: Path, study: BuiltStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def appear(target: Path) -> None:
        target.mkdir(parents=True)
        (target / "other").write_text("")

    during_rename(monkeypatch, appear)

    told = deliver(tmp_path / "out", study.files)

    assert accepted(told) == [True] * 4
    assert len(file_tree(tmp_path / "out")) == 5


def test_a_rename_that_fails_for_another_reason_is_an_error(
    tmp_path: Path, study: BuiltStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Path) -> None:
        raise OSError(errno.ENOSPC, "full")

    during_rename(monkeypatch, fail)

    with pytest.raises(DiskFullError):
        deliver(tmp_path / "out", study.files)


def test_everything_is_flushed_before_it_is_told(
    tmp_path: Path, study: BuiltStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[int] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        flushed.append(os.fstat(descriptor).st_ino)
        real(descriptor)

    monkeypatch.setattr(storage.os, "fsync", fsync)

    deliver(tmp_path / "out", study.files)

    written = {path.stat().st_ino for path in (tmp_path / "out").rglob("*")}
    assert written | {(tmp_path / "out").stat().st_ino} <= set(flushed)


def test_files_of_different_length_or_content_are_not_the_same(tmp_path: Path) -> None:
    for name, data in {"a": b"one", "b": b"one", "c": b"two", "d": b"three"}.items():
        (tmp_path / name).write_bytes(data)

    same = [storage.same_content(tmp_path / "a", tmp_path / other) for other in "bcd"]

    assert same == [True, False, False]

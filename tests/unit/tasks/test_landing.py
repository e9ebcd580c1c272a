"""What `adit get` leaves in the user's folder is whole, whenever the power fails."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from itertools import count
from pathlib import Path
from stat import S_ISREG

import pytest

from adit_cli.errors import NodeError, TransientNodeError, UsageError
from adit_cli.nodes import storage
from adit_cli.nodes.base import Arrival
from adit_cli.nodes.folder import FolderSource
from adit_cli.tasks.download import Downloaded, StudyRequest, download
from tests.support.builders import BuiltStudy, build_study
from tests.support.scripted_nodes import ScriptedSource, refs_of

MARK = ".adit-arriving"


class Fetching:
    """A study in a source that can be ordered to fail, and a folder to fetch it into."""

    def __init__(self, root: Path) -> None:
        self.study: BuiltStudy = build_study(root / "in", modalities=("CT",), instances=6)
        self.source = ScriptedSource(FolderSource("in", root / "in"))
        self.folder = root / "out" / self.study.uid
        self.told: list[Arrival] = []

    def __call__(self, *, sync: bool = True) -> Downloaded:
        wanted = StudyRequest(self.study.uid)
        return download(self.source, wanted, self.folder.parent, self.told.append, sync=sync)

    def break_after(self, count: int) -> None:
        self.source.breaks_after = [count]
        with pytest.raises(TransientNodeError):
            self()
        self.source.requests.clear()

    def start_machine_again(self) -> None:
        mark = self.folder / MARK
        seen = mark.stat()
        mark.write_bytes(b"an earlier start")
        os.utime(mark, ns=(seen.st_atime_ns, seen.st_mtime_ns))

    def there(self) -> list[Path]:
        return sorted(self.folder.glob("*.dcm"))


@pytest.fixture
def fetching(tmp_path: Path) -> Fetching:
    return Fetching(tmp_path)


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """The inodes that were synced."""
    found: set[int] = set()
    real = os.fsync

    def fsync(descriptor: int) -> None:
        found.add(os.fstat(descriptor).st_ino)
        real(descriptor)

    monkeypatch.setattr(storage.os, "fsync", fsync)
    return found


def test_all_of_a_study_is_on_the_disk_itself_before_it_is_said_to_be_complete(
    fetching: Fetching, synced: set[int]
) -> None:
    assert fetching().complete
    assert {path.stat().st_ino for path in (*fetching.there(), fetching.folder)} <= synced
    assert len(fetching.there()) == 6
    assert not (fetching.folder / MARK).exists()


def test_what_came_before_the_machine_started_again_is_fetched_again(fetching: Fetching) -> None:
    fetching.break_after(4)
    first = fetching.there()[0]
    whole = first.read_bytes()
    first.write_bytes(whole[:-100])  # as a file looks of which the power cut off the last blocks
    fetching.start_machine_again()

    fetched = fetching()

    assert (fetched.complete, fetched.present) == (True, 0)
    assert len(refs_of(fetching.source.requests[0])) == 6
    assert first.read_bytes() == whole
    assert not (fetching.folder / MARK).exists()


def test_what_was_complete_before_that_is_not_fetched_again(fetching: Fetching) -> None:
    fetching()
    kept, lost = fetching.there()[:4], fetching.there()[4:]
    for path in kept:
        os.utime(path, (1, 1))
    for path in lost:
        path.unlink()
    fetching.break_after(1)
    fetching.start_machine_again()

    assert fetching().present == 4
    assert len(refs_of(fetching.source.requests[0])) == 2


def test_what_a_killed_get_brought_is_kept_and_synced_by_the_next_one(
    fetching: Fetching, synced: set[int]
) -> None:
    fetching.break_after(4)
    synced.clear()

    fetched = fetching()

    assert (fetched.complete, fetched.present) == (True, 4)
    assert {path.stat().st_ino for path in fetching.there()} <= synced
    assert not (fetching.folder / MARK).exists()


def test_the_folder_is_closed_to_others(fetching: Fetching) -> None:
    fetching()
    modes = {path.stat().st_mode & 0o777 for path in (fetching.folder.parent, fetching.folder)}
    assert modes == {0o700}
    assert {path.stat().st_mode & 0o777 for path in fetching.there()} == {0o600}


def test_what_was_not_to_be_synced_is_fetched_again_when_the_machine_has_started_again(
    fetching: Fetching, synced: set[int]
) -> None:
    assert fetching(sync=False).complete
    assert not {path.stat().st_ino for path in fetching.there()} & synced
    assert fetching(sync=False).present == 6
    fetching.start_machine_again()
    fetching.source.requests.clear()

    assert (fetching().present, len(fetching.source.requests)) == (0, 1)


@pytest.mark.parametrize("refusal", [TransientNodeError("it broke off"), NodeError("it refused")])
def test_a_source_that_fails_after_a_restart_costs_nothing_that_was_there(
    fetching: Fetching, refusal: NodeError
) -> None:
    fetching.break_after(4)
    fetching.start_machine_again()
    fetching.source.refuses = refusal

    with suppress(TransientNodeError):
        assert len(fetching().missing) == 6

    assert len(fetching.there()) == 4
    fetching.source.refuses = None
    fetched = fetching()
    assert (fetched.complete, fetched.present) == (True, 0)
    assert not (fetching.folder / MARK).exists()


def test_a_file_that_came_from_elsewhere_is_left_alone_after_a_restart(fetching: Fetching) -> None:
    assert fetching(sync=False).complete
    for name in ("segmentation.dcm", "1.2.3.4.dcm"):
        (fetching.folder / name).write_bytes(b"by hand")
    fetching.start_machine_again()

    assert fetching().complete
    assert (fetching.folder / "segmentation.dcm").read_bytes() == b"by hand"
    assert (fetching.folder / "1.2.3.4.dcm").read_bytes() == b"by hand"
    assert not (fetching.folder / MARK).exists()


def test_what_is_in_doubt_and_not_asked_for_remains_so(fetching: Fetching) -> None:
    fetching.break_after(4)
    (fetching.folder / "1.2.3.4.dcm").write_bytes(b"of another series")
    fetching.start_machine_again()
    wanted = StudyRequest(fetching.study.uid, (fetching.study.series[0].uid,))

    fetched = download(fetching.source, wanted, fetching.folder.parent, fetching.told.append)

    assert fetched.complete
    assert (fetching.folder / MARK).exists()


def test_what_came_again_without_being_synced_counts_until_the_next_restart(fetching: Fetching) -> None:
    assert fetching(sync=False).complete
    fetching.start_machine_again()

    assert (fetching(sync=False).present, fetching(sync=False).present) == (0, 6)
    fetching.start_machine_again()
    assert fetching().present == 0


@pytest.mark.parametrize("which", [0, 5], ids=["first", "last"])
def test_what_did_not_reach_the_disk_is_fetched_again(
    fetching: Fetching, monkeypatch: pytest.MonkeyPatch, which: int
) -> None:
    real = os.fsync
    numbers = count()

    def fsync(descriptor: int) -> None:
        status = os.fstat(descriptor)
        is_image = S_ISREG(status.st_mode) and status.st_size > 100
        if is_image and next(numbers) == which:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(descriptor)

    monkeypatch.setattr(storage.os, "fsync", fsync)
    monkeypatch.setattr(storage, "_BATCH", 1)
    with pytest.raises(UsageError, match="Input/output error"):
        fetching()

    fetched = fetching()

    assert (fetched.complete, fetched.present) == (True, 0)
    assert not (fetching.folder / MARK).exists()

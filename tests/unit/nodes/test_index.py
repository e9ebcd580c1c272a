"""The processes of a run look through a source folder once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from adit_cli.dicom.query import Level
from adit_cli.nodes import index
from adit_cli.nodes.base import Arrival, RetrieveRequest
from adit_cli.nodes.folder import FolderSource
from adit_cli.nodes.index import fresh_index, indexed
from adit_cli.nodes.nested import DEEPEST
from adit_cli.nodes.scan import Scan, scan
from tests.support.builders import build_study
from tests.support.packing import pack, packed_up

Look = Callable[[Path], Scan]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    loose = build_study(tmp_path / "in", patient_id="P1", modalities=("CT", "MR"), instances=2)
    packed = build_study(tmp_path / "made", instances=1)
    deepest = packed_up(tmp_path / "made", {"x": b"hello"}, DEEPEST)
    inner = packed_up(tmp_path / "made", {"one": packed.files[0].read_bytes()}, 1)
    pack(tmp_path / "in" / "a.zip", {"deep.zip": deepest["inner.zip"], "one.zip": inner["inner.zip"]})
    (tmp_path / "in" / "cut").write_bytes(loose.files[0].read_bytes()[:300])
    (tmp_path / "in" / "odd-\udcff").write_bytes(loose.files[0].read_bytes())
    return tmp_path / "in"


def never(_root: Path) -> Scan:
    raise AssertionError("looked again")


def test_the_second_process_reads_what_the_first_has_seen(tmp_path: Path, folder: Path) -> None:
    with fresh_index(tmp_path / "index"):
        first = indexed(folder, tmp_path / "index", scan)
        second = indexed(folder, tmp_path / "index", never)

    assert second == first == scan(folder)
    assert (len(first.studies), first.skipped, len(first.broken), len(first.nested)) == (2, 1, 1, 1)


def test_a_study_is_fetched_by_what_another_has_seen(tmp_path: Path, folder: Path) -> None:
    arrivals: list[Arrival] = []
    (tmp_path / "spool").mkdir()

    with fresh_index(tmp_path / "index"):
        indexed(folder, tmp_path / "index", scan)
        source = FolderSource("in", folder, index=tmp_path / "index")
        for study in source.find(Level.STUDY, {}):
            request = RetrieveRequest(study["StudyInstanceUID"])
            assert not source.retrieve(request, tmp_path / "spool", arrivals.append)

    assert len(arrivals) == 5


def test_another_run_looks_anew_and_another_folder_is_another_index(tmp_path: Path, folder: Path) -> None:
    with fresh_index(tmp_path / "index"):
        indexed(folder, tmp_path / "index", scan)
        assert not indexed(folder / "..", tmp_path / "index", Scan).studies
    build_study(folder, instances=1)

    with fresh_index(tmp_path / "index"):
        found = indexed(folder, tmp_path / "index", scan)

    assert len(found.studies) == 3


def test_only_the_owner_can_read_it_and_it_does_not_outlive_the_run(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "index").mkdir(mode=0o755)
    (tmp_path / "index" / "left.json").write_text("by a run that was killed")

    with fresh_index(tmp_path / "index"):
        indexed(folder, tmp_path / "index", scan)
        files = list((tmp_path / "index").iterdir())
        modes = {path.stat().st_mode & 0o777 for path in files}
        folder_mode = (tmp_path / "index").stat().st_mode & 0o777

    assert (modes, folder_mode) == ({0o600}, 0o700)
    assert "left.json" not in {path.name for path in files}
    assert not (tmp_path / "index").exists()


def test_without_a_run_nothing_is_written(tmp_path: Path, folder: Path) -> None:
    assert indexed(folder, None, scan) == indexed(folder, tmp_path / "index", scan)

    assert not (tmp_path / "index").exists()


def test_an_index_that_was_half_written_is_not_read(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise OSError("the disk is gone")

    with fresh_index(tmp_path / "index"):
        monkeypatch.setattr(index.json, "dump", fails)
        with pytest.raises(OSError, match="gone"):
            indexed(folder, tmp_path / "index", scan)
        monkeypatch.undo()

        assert indexed(folder, tmp_path / "index", scan) == scan(folder)

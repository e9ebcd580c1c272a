from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from adit_cli.nodes.below import files_below, shown_below
from adit_cli.nodes.boot import BootMark
from adit_cli.nodes.dimse.filing import Filing
from adit_cli.nodes.storage import part_in
from tests.support.archive import CT, EXPLICIT
from tests.support.disk import closed_folder


def found(root: Path) -> tuple[list[str], list[Path]]:
    closed: list[Path] = []
    return [str(path.relative_to(root)) for path in files_below(root, closed.append)], closed


def test_links_lead_to_each_folder_once_and_never_out_to_what_holds_the_tree(tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    (tmp_path / "elsewhere" / "deep" / "a").touch()
    (tmp_path / "beside").touch()
    root = tmp_path / "root"
    root.mkdir()
    (root / "one").symlink_to(tmp_path / "elsewhere")
    (root / "two").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "loop").symlink_to(tmp_path / "elsewhere")
    (root / "up").symlink_to(tmp_path)
    (root / "here").symlink_to(root)

    assert found(root) == (["one/deep/a"], [])


def test_a_folder_that_cannot_be_looked_into_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1").touch()
    closed_folder(monkeypatch, tmp_path / "b")

    assert found(tmp_path) == (["a/1", "c/1"], [tmp_path / "b"])


def test_a_root_that_cannot_be_looked_into_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed_folder(monkeypatch, tmp_path)

    with pytest.raises(OSError, match=os.strerror(errno.EACCES)):
        found(tmp_path)


def test_what_steers_a_terminal_or_fits_in_no_text_is_not_shown(tmp_path: Path) -> None:
    name = "a\x1b[31m\n" + os.fsdecode(b"\xff")

    assert shown_below(tmp_path / "x" / name, tmp_path) == "x/a\ufffd[31m\ufffd\ufffd"


def test_what_is_not_finished_is_passed_over_wherever_images_arrive(tmp_path: Path) -> None:
    filing = Filing(tmp_path, sync=False)
    filing.prepare()
    sink = filing.begin(CT, "1.2.3.1", EXPLICIT)
    sink.flush()
    BootMark(tmp_path / ".adit-arriving").set()
    part_in(tmp_path, "1.2.3.2").touch()
    (tmp_path / "1.2.3.3.dcm").touch()

    assert len(list((tmp_path / ".incoming").iterdir())) == 1
    assert found(tmp_path) == (["1.2.3.3.dcm"], [])
    sink.discard()


def test_half_written_files_of_a_receiver_that_was_killed_are_cleared_by_the_next(tmp_path: Path) -> None:
    for _ in range(2):
        filing = Filing(tmp_path, sync=False)
        filing.prepare()
        assert list((tmp_path / ".incoming").iterdir()) == []
        filing.begin(CT, "1.2.3.1", EXPLICIT).flush()

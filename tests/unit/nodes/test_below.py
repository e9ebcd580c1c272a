from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from adit_cli.nodes.below import files_below, shown_below
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

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adit_cli.errors import DataError
from adit_cli.nodes.opened_archives import OpenedArchives, Unopened
from tests.support.builders import file_tree
from tests.support.packing import pack


def files(archives: OpenedArchives, archive: Path) -> Iterator[Path]:
    """Yield what comes out of an archive in which all can be opened."""
    for one in archives.files(archive):
        assert isinstance(one, Path)
        yield one


def test_no_name_in_an_archive_becomes_a_path(tmp_path: Path) -> None:
    names = ("../../escaped", "/etc/passwd", "a/../../../b", "C:\\x", "a\0b")
    archive = pack(tmp_path / "in.tar", {name: name.encode() for name in names})
    before = set(tmp_path.rglob("*"))

    with OpenedArchives(tmp_path / "state" / "unpacked") as archives:
        out = list(files(archives, archive))
        written = set(tmp_path.rglob("*")) - before

        assert [path.read_bytes() for path in out] == [name.encode() for name in names]
        assert all(path.is_relative_to(tmp_path / "state") for path in written)
        assert {path.stat().st_mode & 0o077 for path in written} == {0}
        assert archives.shown(out[1]) == f"{archive}, file 2"

    assert file_tree(tmp_path / "state") == {}


def test_nothing_is_made_where_no_archive_is_opened(tmp_path: Path) -> None:
    with OpenedArchives(tmp_path / "unpacked") as archives:
        assert archives.shown(Path("a.dcm")) == "a.dcm"

    assert not (tmp_path / "unpacked").exists()


def test_what_came_out_before_an_archive_broke_off_is_there(tmp_path: Path) -> None:
    archive = pack(tmp_path / "in.tar", {"a": b"1" * 600, "b": b"2" * 600})
    archive.write_bytes(archive.read_bytes()[:2100])
    out: list[Path | Unopened] = []

    with OpenedArchives(tmp_path / "unpacked") as archives:
        with pytest.raises(DataError, match="damaged"):
            out.extend(archives.files(archive))
        assert [isinstance(one, Path) for one in out] == [True, False]
        assert len(list((tmp_path / "unpacked").rglob("00000*"))) == 1

"""Files appear under their names whole, and what is not whole is known as that."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import BinaryIO

import pytest

from adit_cli.nodes.storage import is_unfinished, link_or_copy, part_in
from tests.support.disk import at_most

WHOLE = b"0123456789"


@pytest.fixture
def without_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_target: Path, _source: Path) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(Path, "hardlink_to", refuse)


@pytest.mark.usefixtures("without_links")
def test_copy_that_breaks_off_never_has_the_name_of_a_whole_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "source", tmp_path / "in" / "1.2.3.dcm"
    target.parent.mkdir()
    source.write_bytes(WHOLE)
    seen: list[str] = []
    whole_copy = shutil.copyfileobj

    def copy(data: BinaryIO, output: BinaryIO, size: int) -> None:
        seen.extend(path.name for path in target.parent.iterdir())
        whole_copy(data, output, size)

    monkeypatch.setattr("adit_cli.nodes.storage.shutil.copyfileobj", copy)
    link_or_copy(source, target)

    assert target.read_bytes() == WHOLE
    assert [is_unfinished(name) for name in seen] == [True]
    assert [path.name for path in target.parent.iterdir()] == [target.name]


@pytest.mark.usefixtures("without_links")
def test_copy_for_which_there_is_no_room_leaves_nothing(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "in" / "1.2.3.dcm"
    target.parent.mkdir()
    source.write_bytes(bytes(100_000))

    with at_most(50_000), pytest.raises(OSError, match=os.strerror(errno.EFBIG)):
        link_or_copy(source, target)

    assert list(target.parent.iterdir()) == []


@pytest.mark.usefixtures("without_links")
def test_copy_is_never_made_over_another_file(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "1.2.3.dcm"
    source.write_bytes(WHOLE)
    target.write_bytes(b"other")

    with pytest.raises(FileExistsError):
        link_or_copy(source, target)

    assert target.read_bytes() == b"other"
    assert sorted(path.name for path in tmp_path.iterdir()) == [target.name, source.name]


def test_what_we_have_not_finished_is_known_by_its_name(tmp_path: Path) -> None:
    ours = (part_in(tmp_path, "1.2.3").name, ".adit-arriving", ".adit-17-x1.part")
    others = ("1.2.3.dcm", ".hidden.dcm", "1.2.3.part", ".part", ".17.part")

    assert [is_unfinished(name) for name in (*ours, *others)] == [True] * 3 + [False] * 5

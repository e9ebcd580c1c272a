from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from adit_cli.deid.files import deidentify_file
from adit_cli.errors import DataError, DiskFullError
from tests.support.deid import ct_data_set, profile_of, saved
from tests.support.reading import read_dicom


def _unsupported(*_arguments: object) -> int:
    raise OSError(errno.EXDEV, "not between these file systems")


@pytest.mark.parametrize("missing", [(), ("copy_file_range",), ("copy_file_range", "sendfile")])
def test_pixel_data_is_copied_whatever_the_kernel_can_do(
    missing: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = os.urandom(3_000_000)
    path = saved(ct_data_set(PixelData=pixels), tmp_path / "in.dcm")
    for name in missing:
        monkeypatch.setattr(os, name, _unsupported)

    deidentify_file(path, tmp_path / "out.dcm", profile_of(), "PSEUDO")

    assert read_dicom(tmp_path / "out.dcm").PixelData == pixels


def test_a_disk_that_fails_while_pixels_are_copied_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> int:
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr(os, "copy_file_range", fail)

    with pytest.raises(DataError, match="cannot be written"):
        deidentify_file(
            saved(ct_data_set(), tmp_path / "in.dcm"), tmp_path / "out.dcm", profile_of(), "PSEUDO"
        )
    assert not (tmp_path / "out.dcm").exists()


def test_a_source_that_shrinks_while_it_is_copied_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(*_arguments: object) -> int:
        return 0

    def nothing_at_the_end(descriptor: int, count: int, offset: int) -> bytes:
        return pread(descriptor, count, offset) if offset < size - 20 else b""

    path = saved(ct_data_set(), tmp_path / "in.dcm")
    pread, size = os.pread, path.stat().st_size
    monkeypatch.setattr(os, "copy_file_range", nothing)
    monkeypatch.setattr(os, "sendfile", nothing)
    monkeypatch.setattr(os, "pread", nothing_at_the_end)

    with pytest.raises(DataError, match="cut off while it was read"):
        deidentify_file(path, tmp_path / "out.dcm", profile_of(), "PSEUDO")
    assert not (tmp_path / "out.dcm").exists()


def test_a_full_disk_is_told_as_such_and_leaves_nothing_behind(tmp_path: Path) -> None:
    path = saved(ct_data_set(), tmp_path / "in.dcm")
    target = tmp_path / "out.dcm"
    target.symlink_to("/dev/full")

    with pytest.raises(DiskFullError):
        deidentify_file(path, target, profile_of(), "PSEUDO")

    assert not target.is_symlink()


def test_a_target_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    path = saved(ct_data_set(), tmp_path / "in.dcm")

    with pytest.raises(DataError, match="cannot be written"):
        deidentify_file(path, tmp_path / "no folder" / "out.dcm", profile_of(), "PSEUDO")

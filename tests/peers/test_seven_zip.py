"""7z archives, and zip archives that others made, through the 7-Zip program."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from adit_cli.errors import DataError
from adit_cli.nodes import measure
from adit_cli.nodes.archive import members
from adit_cli.nodes.base import Arrival, RetrieveRequest
from adit_cli.nodes.folder import FolderSource
from tests.support.builders import build_study
from tests.support.packing import pack_with_7zz

pytestmark = pytest.mark.peers
SECRET = "väry s3cret $x"  # noqa: S105  made up, and meant to be hard to pass on


def read(path: Path, password: str = "") -> dict[str, bytes]:
    with closing(members(path, password)) as found:
        return {one.name: b"".join(iter(lambda data=one.data: data.read(999), b"")) for one in found}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in" / "sub folder").mkdir(parents=True)
    (tmp_path / "in" / "sub folder" / "ä b").write_bytes(b"one" * 5000)
    (tmp_path / "in" / "empty").write_bytes(b"")
    (tmp_path / "in" / "z").write_bytes(b"two")
    (tmp_path / "in" / "link").symlink_to("/etc/passwd")
    return tmp_path / "in"


CONTENT = {"sub folder/ä b": b"one" * 5000, "empty": b"", "z": b"two"}


def test_a_7z_archive_is_read_without_its_links(tmp_path: Path, folder: Path) -> None:
    path = pack_with_7zz(tmp_path / "scans.7z", folder, "-snl")

    assert read(path) == CONTENT


@pytest.mark.parametrize("switches", [("-mhe=on",), ()])
def test_an_encrypted_7z_archive_is_named_and_opens_with_its_password(
    tmp_path: Path, folder: Path, switches: tuple[str, ...]
) -> None:
    path = pack_with_7zz(tmp_path / "scans.7z", folder, "-snl", *switches, password=SECRET)

    with pytest.raises(DataError, match=r"scans\.7z is encrypted"):
        read(path)
    with pytest.raises(DataError, match=r"another password|damaged"):
        read(path, "wrong")
    assert read(path, SECRET) == CONTENT


def test_a_damaged_7z_archive_is_named(tmp_path: Path, folder: Path) -> None:
    path = pack_with_7zz(tmp_path / "scans.7z", folder, "-mx0")
    data = bytearray(path.read_bytes())
    data[40] ^= 1
    path.write_bytes(data)

    with pytest.raises(DataError, match="damaged"):
        read(path)
    path.write_bytes(bytes(data[:200]))
    with pytest.raises(DataError, match="damaged"):
        read(path)


def test_a_7z_archive_that_grows_beyond_measure_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure, "ALLOWANCE", 1 << 20)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "zeros").write_bytes(bytes(8 << 20))

    with pytest.raises(DataError, match="left alone"):
        read(pack_with_7zz(tmp_path / "bomb.7z", tmp_path / "in"))


def test_a_study_in_a_7z_archive_is_fetched_byte_for_byte(tmp_path: Path) -> None:
    study = build_study(tmp_path / "made", instances=4)
    pack_with_7zz(tmp_path / "in" / "disc.7z", study.folder)
    (tmp_path / "spool").mkdir()
    arrivals: list[Arrival] = []

    failed = FolderSource("in", tmp_path / "in").retrieve(
        RetrieveRequest(study.uid), tmp_path / "spool", arrivals.append
    )

    assert not failed
    assert sorted(one.path.read_bytes() for one in arrivals) == sorted(
        path.read_bytes() for path in study.files
    )

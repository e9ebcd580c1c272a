from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from adit_cli.errors import DataError, NodeError
from adit_cli.nodes import archive, measure, sevenzip
from adit_cli.nodes.archive import is_archive, members
from tests.support.packing import TAR_MODES, pack

FILES = {"a/1.dcm": b"one", "b": b"", "../../c": os.urandom(100_000)}


def read(path: Path) -> list[tuple[int, str, bytes]]:
    return [(member.number, member.name, _all(member)) for member in members(path)]


def _all(member: archive.Member) -> bytes:
    return b"".join(iter(lambda: member.data.read(1000), b""))


@pytest.mark.parametrize("suffix", [".zip", *TAR_MODES])
def test_files_are_read_in_their_order(tmp_path: Path, suffix: str) -> None:
    path = pack(tmp_path / f"scans{suffix}", FILES)

    found = read(path)

    assert found == [(number, name, data) for number, (name, data) in enumerate(FILES.items(), start=1)]
    assert list(tmp_path.rglob("*")) == [path]


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz"])
def test_files_that_nobody_reads_are_passed_over(tmp_path: Path, suffix: str) -> None:
    path = pack(tmp_path / f"scans{suffix}", FILES)

    assert [member.number for member in members(path)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.ZIP", True), ("a.tar.gz", True), ("a.7z", True), ("a.nii.gz", False), ("a.docx", False)],
)
def test_an_archive_is_known_by_its_name(name: str, *, expected: bool) -> None:
    assert is_archive(Path(name)) is expected


@pytest.mark.parametrize("suffix", [".zip", *TAR_MODES])
@pytest.mark.parametrize("kept", [0.0, 0.5])
def test_an_archive_that_breaks_off_is_named(tmp_path: Path, suffix: str, kept: float) -> None:
    path = pack(tmp_path / f"scans{suffix}", {"a": os.urandom(50_000), "b": os.urandom(50_000)})
    data = path.read_bytes()
    path.write_bytes(b"x" * 600 if not kept else data[: int(len(data) * kept)])

    with pytest.raises(DataError, match=r"^scans\.[a-z0-9.]+ is damaged"):
        read(path)


@pytest.mark.parametrize("suffix", TAR_MODES)
@pytest.mark.parametrize("harm", ["header", "end"])
def test_a_tar_with_a_damaged_header_or_without_its_end_is_damaged_and_not_short(
    tmp_path: Path, suffix: str, harm: str
) -> None:
    content = bytearray(pack(tmp_path / "plain.tar", FILES).read_bytes())
    second = content.index(b"ustar", 512) - 257
    if harm == "header":
        content[second] ^= 0xFF
    path = tmp_path / f"scans{suffix}"
    openers = {"w": open, "w:gz": gzip.open, "w:bz2": bz2.open, "w:xz": lzma.open}
    with openers[TAR_MODES[suffix]](path, "wb") as file:
        file.write(content if harm == "header" else content[:second])

    with pytest.raises(DataError, match="damaged"):
        read(path)


def test_the_checksum_of_a_gzip_is_looked_at(tmp_path: Path) -> None:
    path = pack(tmp_path / "scans.tar.gz", FILES)
    data = bytearray(path.read_bytes())
    data[-8] ^= 0xFF
    path.write_bytes(data)

    with pytest.raises(DataError, match="damaged"):
        read(path)


@pytest.mark.parametrize("at", [8, 28, 30, 42])
def test_a_zip_with_a_directory_that_makes_no_sense_is_damaged(tmp_path: Path, at: int) -> None:
    path = pack(tmp_path / "scans.zip", {"ä": b"1" * 500})
    data = bytearray(path.read_bytes())
    place = data.index(b"PK\1\2") + at
    data[place : place + 2] = b"\xff\x08" if at == 8 else b"\xff\xff"
    data[data.index(b"PK\1\2") + 46] = 0xFF
    path.write_bytes(data)

    with pytest.raises(DataError, match="scans"):
        read(path)


def test_a_file_with_another_checksum_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "scans.zip"
    with zipfile.ZipFile(path, "w") as plain:
        plain.writestr("a", b"needle in it")
    path.write_bytes(path.read_bytes().replace(b"needle", b"noodle"))

    with pytest.raises(DataError, match="damaged"):
        read(path)


def test_an_encrypted_zip_is_named_as_such(tmp_path: Path) -> None:
    path = pack(tmp_path / "scans.zip", {"a": b"one"})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(data)

    with pytest.raises(DataError, match=r"scans\.zip is encrypted"):
        read(path)


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz", ".tar.bz2", ".tar.xz"])
def test_an_archive_that_grows_beyond_measure_is_refused(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure, "ALLOWANCE", 1 << 20)
    path = pack(tmp_path / f"bomb{suffix}", {"zeros": bytes(8 << 20)})

    with pytest.raises(DataError, match="more than 200 times its size"):
        read(path)


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "MOST_MEMBERS", 2)

    for suffix in (".zip", ".tar"):
        with pytest.raises(DataError, match="left alone"):
            read(pack(tmp_path / f"many{suffix}", FILES))


def test_a_tar_header_cannot_take_all_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.tar.gz"
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, 1 << 32
    with gzip.open(path, "wb") as file:
        file.write(info.tobuf() + bytes(1 << 20))

    with pytest.raises(DataError, match="left alone"):
        read(path)


def test_links_and_devices_in_a_tar_are_no_files(tmp_path: Path) -> None:
    path = tmp_path / "links.tar"
    with tarfile.open(path, "w") as tar:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE):
            info = tarfile.TarInfo("x")
            info.type, info.linkname = kind, "/etc/passwd"
            tar.addfile(info)
        info = tarfile.TarInfo("real")
        info.size = 1
        tar.addfile(info, io.BytesIO(b"1"))

    assert read(path) == [(1, "real", b"1")]


def test_without_the_program_a_7z_archive_says_what_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(sevenzip.VARIABLE, raising=False)
    (tmp_path / "scans.7z").write_bytes(b"")

    with pytest.raises(NodeError, match="7zz") as caught:
        read(tmp_path / "scans.7z")

    assert "ADIT_7ZZ" in caught.value.hint

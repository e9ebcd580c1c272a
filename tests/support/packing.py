"""Archives made for a test, with names of its own choosing in them."""

from __future__ import annotations

import io
import subprocess
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

Mode = Literal["w", "w:gz", "w:bz2", "w:xz"]
TAR_MODES: dict[str, Mode] = {
    ".tar": "w",
    ".tar.gz": "w:gz",
    ".tgz": "w:gz",
    ".tar.bz2": "w:bz2",
    ".tar.xz": "w:xz",
}


def pack(path: Path, files: Mapping[str, bytes]) -> Path:
    """Write a zip or tar archive, as its name says, with these members."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        return path
    with tarfile.open(path, TAR_MODES["".join(path.suffixes[-2:])]) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def packed_up(folder: Path, files: Mapping[str, bytes], times: int) -> dict[str, bytes]:
    """Return files as a zip in a zip, and so on: what the outermost archive has to hold."""
    found = dict(files)
    for _ in range(times):
        found = {"inner.zip": pack(folder / "inner.zip", found).read_bytes()}
    return found


def pack_with_7zz(path: Path, folder: Path, *switches: str, password: str = "") -> Path:
    """Write an archive of what is in a folder with the program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["7zz", "a", "-bd", *switches, *(["-p"] if password else []), str(path.absolute()), "."],
        input=f"{password}\n{password}\n".encode() if password else b"",
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return path

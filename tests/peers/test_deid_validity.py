from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest

from adit_cli.deid.files import deidentify_file
from adit_cli.errors import DataError, DeidError
from tests.support.deid import profile_of

pytestmark = pytest.mark.peers

OPTIONS = [
    (),
    (
        "clean-descriptors",
        "clean-graphics",
        "clean-structured-content",
        "retain-longitudinal-modified-dates",
        "retain-patient-characteristics",
    ),
]
BROKEN = {"UN_sequence.dcm", "badVR.dcm", "no_meta_group_length.dcm", "priv_SQ.dcm"}
"""Files that dciodvfy cannot read before, or whose unreadable parts do not survive."""


def _errors(path: Path) -> set[str]:
    """Return the kinds of error that dciodvfy sees, without the values that it quotes."""
    said = subprocess.run(["dciodvfy", str(path)], capture_output=True, check=False)
    lines = (said.stdout + said.stderr).decode("latin_1").splitlines()
    return {
        re.sub(r"= <[^>]*> -|<[\d.]+>|(?<=UID )[\d.]+", "", line)
        for line in lines
        if line.startswith("Error")
    }


def _pydicom_files() -> Iterator[Path]:
    folder = Path(pydicom.__file__).parent / "data" / "test_files"
    return (path for path in sorted(folder.rglob("*.dcm")) if path.name not in BROKEN)


@pytest.mark.parametrize("options", OPTIONS, ids=["basic", "with options"])
def test_dciodvfy_finds_no_kind_of_error_that_it_did_not_find_before(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    profile = profile_of(options=options, modalities={"exclude": ()}, burned_in="allow", verify=False)
    target = tmp_path / "out.dcm"
    checked, new = 0, dict[str, set[str]]()
    for path in _pydicom_files():
        try:
            deidentify_file(path, target, profile, "PSEUDO")
        except (DataError, DeidError):
            continue
        checked += 1
        new[path.name] = _errors(target) - _errors(path)

    assert checked > 60
    assert {name: errors for name, errors in new.items() if errors} == {}


def test_dcmtk_reads_every_file_that_leaves(tmp_path: Path) -> None:
    profile = profile_of(modalities={"exclude": ()}, burned_in="allow")
    read = 0
    for number, path in enumerate(_pydicom_files()):
        target = tmp_path / f"{number}.dcm"
        try:
            deidentify_file(path, target, profile, "PSEUDO")
        except (DataError, DeidError):
            continue
        dumped = subprocess.run(["dcmdump", "+E", str(target)], capture_output=True, check=False)
        assert dumped.returncode == 0, f"{path.name}: {dumped.stderr.decode('latin_1')}"
        read += 1

    assert read > 60

"""The dcm2niix program: turns the images of one series into NIfTI volumes and their sidecars.

It is called without a shell, with fixed arguments and fixed names, and not longer than a time limit.
"""

from __future__ import annotations

import gzip
import os
import re
import shutil
import signal
import subprocess
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from adit_cli.errors import DataError, NodeError
from adit_cli.nodes.storage import BLOCK

VARIABLE = "ADIT_DCM2NIIX"
NAME = "volume"
"""What its files are called until they get the names of a layout."""
TIME_LIMIT = 3600.0
"""Seconds for one series; large ones take minutes."""
INCOMPLETE = 8
"""Its exit code where it converted only some of the images."""
_SWITCHES = ("-g", "i", "-b", "y", "-ba", "y", "-z", "i", "-d", "0", "-w", "2", "-f", NAME)
"""No file of defaults, an anonymous sidecar, and compression that gives the same bytes each time."""
_CONVERTED = re.compile(rb"^Convert (\d+) DICOM as ", re.MULTILINE)
_VERSION = re.compile(r"^v\d[\w.]*$", re.MULTILINE)
_MEANINGS = {
    2: "it found no image in them",
    4: "it says that they are damaged",
    7: "it could not write",
}


@dataclass(frozen=True, slots=True)
class Converted:
    """What became of a series."""

    images: int
    """How many of its images are in the volumes."""
    outputs: tuple[Path, ...]
    whole: bool
    """Whether the program itself says that it left nothing out."""


def program() -> str:
    """Return the program to call; NodeError where there is none."""
    found = shutil.which(os.environ.get(VARIABLE) or "dcm2niix")
    if found is None:
        raise NodeError(
            "format: nifti needs the program dcm2niix, and it was not found",
            hint=f"install it (Debian and Ubuntu: dcm2niix), or say where it is: {VARIABLE}=PATH",
        )
    return found


def version() -> str:
    """Return the program's version; NodeError where there is none to ask."""
    done = subprocess.run(  # noqa: S603 - fixed arguments
        [program(), "--version"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    found = _VERSION.search(done.stdout)
    if found is None:
        raise NodeError("the program named dcm2niix does not say its version", hint=f"check {VARIABLE}")
    return found[0]


def convert(images: Path, output: Path, *, limit: float = TIME_LIMIT) -> Converted:
    """Convert what lies in a folder into another one; DataError where nothing of use comes out.

    Both paths are seen by everyone on the machine. What the program says may quote a header, and is not kept.
    """
    command = [program(), *_SWITCHES, "-o", str(output.absolute()), str(images.absolute())]
    code, said = _run(command, limit)
    outputs = tuple(sorted(path for path in output.iterdir() if path.is_file()))
    if code not in {0, INCOMPLETE} or not any(".nii" in path.suffixes for path in outputs):
        raise DataError(f"dcm2niix made nothing of them: {_ending(code)}")
    _check(path for path in outputs if path.suffix == ".gz")
    images_in = sum(map(int, _CONVERTED.findall(said)))
    return Converted(images_in, outputs, code == 0)


def _run(command: list[str], limit: float) -> tuple[int, bytes]:
    """Return exit code and output; whatever goes wrong, neither it nor what it started is left running."""
    with subprocess.Popen(  # noqa: S603 - fixed arguments
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        process_group=0,  # Ctrl-C is for the run, which lets a series come to its end
    ) as process:
        try:
            said, _ = process.communicate(timeout=limit)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                raise DataError(f"dcm2niix was stopped after {limit:.0f} seconds") from error
            raise
    return process.returncode, said


def _check(volumes: Iterable[Path]) -> None:
    """Read the volumes to their ends: the program does not notice a disk that is full."""
    for path in volumes:
        try:
            with gzip.open(path) as data:
                while data.read(BLOCK):
                    pass
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataError("a volume that dcm2niix wrote is cut short: is the disk full?") from error


def _ending(code: int) -> str:
    if code < 0:
        return f"it was ended by signal {-code}"
    meaning = _MEANINGS.get(code)
    return f"{meaning} (exit code {code})" if meaning else f"exit code {code}"

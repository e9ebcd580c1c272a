"""Time whole processes, their start included, with what they cost in CPU and memory."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.measure import Sample
from tests.support.process import PeerError, environment, program

ADIT = str(Path(sys.executable).with_name("adit"))
PYNETDICOM = (sys.executable, "-m", "pynetdicom")
LAUNCHER = Path(__file__).with_name("launch.py")
_ASIDE = "-before-"
AS_SHIPPED = {"TCP_NODELAY": ""}
"""Environment of DCMTK's programs as their packages run them."""
BEST = {"TCP_NODELAY": "1"}
"""And at their best."""


def timed(
    command: Sequence[str | Path],
    log: Path,
    *,
    env: Mapping[str, str] | None = None,
    allowed: Sequence[int] = (0,),
) -> Sample:
    """Run a program to its end; one that fails is an error with what it printed, not a measurement."""
    words = [program(str(command[0])), *map(str, command[1:])]
    cost = log.with_suffix(".cost")
    with log.open("wb") as output:
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(LAUNCHER), str(cost), *words],
            env=environment(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode not in allowed:
        raise PeerError(f"{words} ended with {done.returncode}:\n{log.read_text(errors='replace')[-2000:]}")
    seconds, cpu, memory = cost.read_text().split()
    return Sample(float(seconds), float(cpu), int(memory))


def emptied(folder: Path) -> Path:
    """Return the folder with nothing in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def fresh(folder: Path) -> Path:
    """Return the folder with nothing in it; what it held is put aside, since to delete it costs later.

    ext4 keeps a freed inode for a minute or more and searches past all of these for each new file, which made
    whoever wrote many files after another contender's were deleted twice as slow as on a machine at work.
    What was put aside is on the disk and in no memory when this returns: nobody measures how another one's
    files are written, or how room is made where they fill the page cache.
    """
    if folder.exists():
        number = sum(1 for _ in folder.parent.glob(f"{folder.name}{_ASIDE}*"))
        aside = folder.rename(folder.with_name(f"{folder.name}{_ASIDE}{number}"))
        os.sync()
        _forget(aside)
    folder.mkdir(parents=True)
    return folder


def _forget(folder: Path) -> None:
    """Let go of what the page cache has of files that are written."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def drop_what_was_put_aside(folder: Path) -> None:
    """Remove what rows that worked below this folder put aside."""
    for depth in ("*", "*/*"):
        for old in folder.glob(f"{depth}/*{_ASIDE}*"):
            shutil.rmtree(old)


def expect_files(folder: Path, number: int) -> None:
    """Check that a contender did all of its work: so many files, whatever their names."""
    found = sum(1 for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    if found != number:
        raise PeerError(f"{folder} holds {found} files rather than {number}")


def add(samples: Sequence[Sample]) -> Sample:
    """Return runs one after another as one."""
    return Sample(
        sum(sample.seconds for sample in samples),
        sum(sample.cpu for sample in samples),
        max(sample.memory for sample in samples),
    )

"""What needs no network: one file's de-identification, the state of many tasks, the start of the program."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.adit import adit, python
from benchmarks.data import study
from benchmarks.measure import Contender, Row, Sample, Settings, Target
from benchmarks.processes import ADIT, PYNETDICOM, emptied, fresh, timed
from tests.support.orthanc import orthanc
from tests.support.process import LOOPBACK

FILES = 200
TASKS = 100_000


def _told(folder: Path, *arguments: str) -> Sample:
    """Run a part of ours that times itself, without its start, and prints the seconds last."""
    python(folder, *arguments)
    return Sample(float((folder / "python.log").read_text().split()[-1]))


@contextmanager
def deid(settings: Settings) -> Generator[Row]:
    """One file after another, on disk, the program's start not counted."""
    work = emptied(settings.folder / "work-deid")
    made = study(settings.folder, min(FILES, settings.instances))
    yield Row(
        f"de-identify a 0.5 MB CT on disk, Basic Profile (each of {made.instances})",
        (
            Contender(
                "adit",
                lambda: _told(work, "-m", "benchmarks.deidentify", "adit", str(made.folder), str(work)),
            ),
            Contender(
                "dicognito",
                lambda: _told(work, "-m", "benchmarks.deidentify", "dicognito", str(made.folder), str(work)),
            ),
        ),
        (Target(0.002), Target(1 / 2, "dicognito")),
    )


@contextmanager
def deid_cost(settings: Settings) -> Generator[Row]:
    """CPU that de-identification and the search of its result add to reading and writing a file."""
    work = emptied(settings.folder / "work-deid-cost")
    made = study(settings.folder, min(FILES, settings.instances))

    def added(name: str) -> Sample:
        return _told(work, "-m", "benchmarks.deidentify", f"{name}-added", str(made.folder), str(work))

    yield Row(
        "CPU that de-identification, verified, adds to reading and writing a 0.5 MB CT",
        (Contender("adit", lambda: added("adit")), Contender("dicognito", lambda: added("dicognito"))),
        (Target(0.001),),
    )


@contextmanager
def state(settings: Settings) -> Generator[Row]:
    """Very many tasks in the state database: add them, end one, start a run that has ten left, show them."""
    work = emptied(settings.folder / "work-state")
    tasks = str(min(TASKS, settings.instances * 50))
    folder = work / "state" / "jobs" / "benchmark"

    def shown() -> Sample:
        command = [ADIT, "status", "benchmark"]
        env = {"ADIT_STATE_DIR": str(work / "state")}
        return timed(command, work / "status.log", env=env, allowed=(0, 1, 3))

    steps = {"add all": "add", "begin and end one": "finish", "start with all but ten done": "resume"}
    yield Row(
        f"state of {tasks} tasks",
        (
            *(
                Contender(
                    name,
                    lambda step=step: _told(work, "-m", "benchmarks.states", step, str(folder), tasks),
                )
                for name, step in steps.items()
            ),
            Contender("adit status", shown),
        ),
        (
            Target(10),
            Target(0.001, of="begin and end one"),
            Target(2, of="start with all but ten done"),
            Target(1, of="adit status"),
        ),
    )


@contextmanager
def start(settings: Settings) -> Generator[Row]:
    """`adit --help` against the Python it runs on."""
    work = emptied(settings.folder / "work-start")
    yield Row(
        "start of the program",
        (
            Contender("adit --help", lambda: adit(work, "--help")),
            Contender("python -c pass", lambda: timed([sys.executable, "-c", "pass"], work / "pass.log")),
            Contender(
                "import typer", lambda: timed([sys.executable, "-c", "import typer"], work / "typer.log")
            ),
        ),
        (Target(0.15), Target(2.5, "import typer")),
    )


@contextmanager
def query(settings: Settings) -> Generator[Row]:
    """`adit query` of one study against pynetdicom's findscu."""
    work, made = emptied(settings.folder / "work-query"), study(settings.folder, 10)
    with orthanc(work / "source") as server:
        server.upload(made.files)
        keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={made.uid}"]
        findscu = [*PYNETDICOM, "findscu", LOOPBACK, str(server.port), "-S", *keys, "-aec", server.ae_title]
        yield Row(
            "C-FIND of one study",
            (
                Contender("adit query", lambda: adit(work, "query", server.address, "--study-uid", made.uid)),
                Contender("pynetdicom findscu", lambda: timed(findscu, work / "findscu.log")),
            ),
            (Target(1, "pynetdicom findscu"),),
        )


@contextmanager
def scale(settings: Settings) -> Generator[Row]:
    """Cost against number: seconds an instance must not grow."""
    work = emptied(settings.folder / "work-scale")
    numbers = [number for number in (100, 1000, 10_000) if number <= settings.instances * 5]
    studies = {number: study(settings.folder, number, size=72) for number in numbers}

    def fetched(address: str, number: int) -> Sample:
        sample = adit(work, "get", address, studies[number].uid, "-o", fresh(work / "out"))
        return Sample(sample.seconds / number, sample.cpu / number, sample.memory)

    with orthanc(work / "source") as server:
        for made in studies.values():
            server.upload(made.files)
        yield Row(
            "C-GET of many instances of 10 KB: seconds an instance",
            tuple(
                Contender(
                    f"adit get, {number} instances", lambda number=number: fetched(server.address, number)
                )
                for number in reversed(numbers)
            ),
            (Target(1.1, f"adit get, {numbers[0]} instances"),),
        )

"""C-FIND with many answers, against DCMTK and pynetdicom; the peer has them all ready."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.adit import adit
from benchmarks.find_server import study
from benchmarks.measure import Contender, Row, Sample, Settings, Target
from benchmarks.processes import PYNETDICOM, emptied, timed
from tests.support.process import LOOPBACK, PeerError, free_port, listening

ANSWERS = 10_000
KEYS = tuple(keyword for keyword in study(0) if keyword not in {"SpecificCharacterSet", "RetrieveAETitle"})


@contextmanager
def query_many(settings: Settings) -> Generator[Row]:
    """`adit query` with 10,000 answers against findscu of DCMTK and of pynetdicom, all of them shown."""
    work, port = emptied(settings.folder / "work-query-many"), free_port()
    asked = [word for key in KEYS for word in ("-k", "QueryRetrieveLevel=STUDY" if "Level" in key else key)]
    where = ["-aec", "FINDSCP", LOOPBACK, str(port)]
    pynetdicom = [*PYNETDICOM, "findscu", LOOPBACK, str(port), "-S", *asked, "-aec", "FINDSCP"]

    def shown(sample: Sample, log: str) -> Sample:
        if (text := (work / log).read_text(errors="replace")).count(study(ANSWERS - 1)["PatientID"]) != 1:
            raise PeerError(f"the last answer is not in {log}: {text[-500:]}")
        return sample

    server = [sys.executable, "-m", "benchmarks.find_server", str(port), str(ANSWERS)]
    with listening(server, [port], work / "server.log"):
        yield Row(
            f"C-FIND with {ANSWERS:,} answers, all shown",
            (
                Contender(
                    "adit query", lambda: shown(adit(work, "query", f"FINDSCP@{LOOPBACK}:{port}"), "adit.log")
                ),
                Contender("dcmtk findscu", lambda: shown(_findscu([*asked, *where], work), "findscu.log")),
                Contender(
                    "pynetdicom findscu",
                    lambda: shown(timed(pynetdicom, work / "pynetdicom.log"), "pynetdicom.log"),
                    rounds=1,
                ),
            ),
            (Target(1.5, "dcmtk findscu"),),
        )


def _findscu(words: list[str], work: Path) -> Sample:
    return timed(["findscu", "-S", *words], work / "findscu.log", env={"TCP_NODELAY": "1"})

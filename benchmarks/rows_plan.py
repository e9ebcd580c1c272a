"""`adit plan` of 1,000 studies and their series, against findscu of DCMTK with the same questions."""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydicom.dataset import Dataset

from adit_cli.tasks.resolve import ASKED
from adit_cli.tasks.series import SERIES_ASKED
from benchmarks.adit import adit
from benchmarks.measure import Contender, Row, Sample, Settings, Target
from benchmarks.processes import emptied, timed
from tests.support.orthanc import Orthanc, orthanc
from tests.support.process import LOOPBACK, PeerError
from tests.support.tiny_studies import Tiny, tiny_studies, zipped

STUDIES = 1000
SHARE = "of it processor time of Orthanc"
FINDSCU = "dcmtk findscu, the same questions"


class _Share:
    """What Orthanc itself worked in the latest plan."""

    def __init__(self, server: Orthanc) -> None:
        self._server = server
        self._latest = Sample(0)

    def during(self, sample: Sample, before: float) -> Sample:
        """Keep what Orthanc has worked since, and return the sample."""
        worked = self.worked() - before
        self._latest = Sample(worked, worked)
        return sample

    def worked(self) -> float:
        """Return the processor time that it has used so far."""
        after_name = Path(f"/proc/{self._server.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, after_name[11:13])) / os.sysconf("SC_CLK_TCK")

    def latest(self) -> Sample:
        """Return what it worked in the latest plan."""
        return self._latest


@contextmanager
def plan(settings: Settings) -> Generator[Row]:
    """Studies by UID, and the series of each: planned, or only asked for; over one association each."""
    work, number = emptied(settings.folder / "work-plan"), min(STUDIES, settings.instances)
    studies = tiny_studies(number)
    with orthanc(work / "source") as server:
        server.request("POST", "/instances", zipped(studies))
        job = _write_job(work, server, studies)
        where = ["-aec", server.ae_title, LOOPBACK, str(server.port)]
        questions = list(_questions(work / "questions", studies))
        findscu = ["findscu", "-S", *where, *questions]
        share = _Share(server)

        def planned() -> Sample:
            before = share.worked()
            sample = share.during(adit(work, "plan", job), before)
            if not re.search(rf"\b{number:,} studies", shown := (work / "adit.log").read_text()):
                raise PeerError(f"not all studies were planned: {shown[-500:]}")
            return sample

        yield Row(
            f"plan {number:,} studies of Orthanc and their series ({len(questions):,} C-FINDs)",
            (
                Contender("adit plan", planned),
                Contender(SHARE, share.latest),
                Contender(FINDSCU, lambda: timed(findscu, work / "findscu.log", env={"TCP_NODELAY": "1"})),
            ),
            (Target(1.5, FINDSCU),),
        )


def _write_job(work: Path, server: Orthanc, studies: Sequence[Tiny]) -> Path:
    (work / "uids.txt").write_text("".join(f"{one.uid}\n" for one in studies))
    path = work / "job.yaml"
    path.write_text(
        "adit: 1\nname: plan\n"
        f"nodes: {{source: {{dimse: {server.address}, limits: {{associations: 1}}}}}}\n"
        "source: source\ndestinations: [{folder: out}]\n"
        "select: {studies: {uids: {file: uids.txt}}, series: {exclude: [{series_description: none}]}}\n"
    )
    return path


def _questions(folder: Path, studies: Sequence[Tiny]) -> Iterator[Path]:
    """Write what the plan asks as files for findscu: each study, then its series."""
    series = dict.fromkeys(SERIES_ASKED, "")
    for one in studies:
        uid = {"StudyInstanceUID": one.uid}
        yield _question(folder / f"{one.number}-study.dcm", dict.fromkeys(ASKED, "") | uid, "STUDY")
        yield _question(folder / f"{one.number}-series.dcm", series | uid, "SERIES")


def _question(path: Path, keys: Mapping[str, str], level: str) -> Path:
    ds = Dataset()
    for keyword, value in keys.items():
        setattr(ds, keyword, value)
    ds.QueryRetrieveLevel = level
    path.parent.mkdir(exist_ok=True)
    ds.save_as(path, implicit_vr=False, little_endian=True)
    return path

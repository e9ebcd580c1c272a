"""How large a plan is and how long it takes, learned from what earlier runs of this machine moved."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from adit_cli.engine.folders import StateFolder
from adit_cli.engine.schedule import Schedule
from adit_cli.engine.schema import opened, translated
from adit_cli.jobfile.folder import FolderNode
from adit_cli.jobfile.job import Job
from adit_cli.tasks.planned import PlannedStudy

TYPICAL = {"CT": 530_000, "MR": 300_000, "PT": 40_000, "US": 900_000, "CR": 10_000_000, "DX": 12_000_000}
"""Octets of an image, for modalities of which none has been moved yet."""
ANY = 1_000_000
"""The same for all others."""


@dataclass(frozen=True, slots=True)
class Learned:
    """What earlier runs moved: octets of an image by modality, and octets a second of one worker."""

    by_modality: dict[str, float] = field(default_factory=dict[str, float])
    rate: float | None = None
    studies: int = 0

    def octets(self, study: PlannedStudy) -> float | None:
        """Return how large a study is likely to be; None where its images are not counted."""
        if study.task.instances is None:
            return None
        return study.task.instances * self._of_image(study.task.modalities)

    def _of_image(self, modalities: str) -> float:
        """Return the size of an image, for several modalities their mean: each may have most of them."""
        if modalities in self.by_modality:
            return self.by_modality[modalities]
        each = [one for one in modalities.split("\\") if one] or [""]
        return sum(self.by_modality.get(one) or TYPICAL.get(one, ANY) for one in each) / len(each)


def learn(state: StateFolder) -> Learned:
    """Return what the jobs of this state folder have moved."""
    totals: dict[str, tuple[int, int]] = {}
    seconds, octets, studies = 0.0, 0, 0
    for folder in state.jobs():
        with opened(folder.database) as db, translated(folder.database):
            rows = db.execute(
                "select task.modalities, sum(attempt.size) as size, sum(attempt.delivered) as images,"
                " sum(attempt.seconds) as seconds, count(*) as studies"
                " from task join attempt on attempt.task = task.number and attempt.number = task.attempts"
                " where task.status = 'success' and attempt.delivered > 0 group by task.modalities"
            ).fetchall()
        for row in rows:
            size, images = totals.get(row["modalities"], (0, 0))
            totals[row["modalities"]] = size + row["size"], images + row["images"]
            seconds, octets = seconds + row["seconds"], octets + row["size"]
            studies += row["studies"]
    means = {modalities: size / images for modalities, (size, images) in totals.items() if modalities}
    return Learned(means, octets / seconds if seconds else None, studies)


@dataclass(frozen=True, slots=True)
class Room:
    """A disk that is to take something."""

    path: Path
    needed: int
    free: int

    @property
    def is_enough(self) -> bool:
        """Whether it fits."""
        return self.needed <= self.free


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a plan will probably take."""

    octets: int | None
    """None where a source did not count the images of every study."""
    seconds: float | None
    """None where nothing has been moved yet that says how quick it goes."""
    learned_from: int
    """How many studies moved before say so."""
    rooms: tuple[Room, ...] = ()
    workers: int = 1
    """How many that work at once the time is told for."""
    schedule: Schedule | None = None
    """What the limits of the nodes make of it; None where they have none."""


def estimate(job: Job, studies: Iterable[PlannedStudy], learned: Learned, workers: int) -> Estimate:
    """Return what it will probably take to move these studies."""
    sizes = [learned.octets(study) for study in studies]
    if None in sizes:
        return Estimate(None, None, learned.studies)
    octets = round(sum(size or 0 for size in sizes))
    seconds = octets / learned.rate / min(workers, max(len(sizes), 1)) if learned.rate else None
    return Estimate(octets, seconds, learned.studies, tuple(_rooms(job, octets)), workers)


def _rooms(job: Job, octets: int) -> Iterable[Room]:
    for name in job.destinations:
        node = job.node(name)
        if isinstance(node, FolderNode):
            there = next(path for path in (node.folder, *node.folder.parents) if path.exists())
            yield Room(node.folder, octets, shutil.disk_usage(there).free)

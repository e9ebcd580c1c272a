"""A small archive in memory that tells and matches only what it is made to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from adit_cli.dicom.matching import Match
from adit_cli.dicom.query import Attributes, Level
from adit_cli.nodes.answers import key_matches
from adit_cli.nodes.base import FailedInstance, OnArrival, RetrieveRequest


@dataclass
class Reticent:
    """Two studies; it tells only what stands here, level by level, and matches only what it tells.

    Keys that it does not know are answered as `blank` says: left out, or empty.
    """

    levels: Mapping[Level, list[Attributes]]
    blank: bool = False
    matched: Mapping[str, str] = field(default_factory=dict[str, str])
    """What it matches at series level, and does not tell."""
    asked: list[tuple[Level, dict[str, str]]] = field(default_factory=list[tuple[Level, dict[str, str]]])

    def find(self, level: Level, keys: Mapping[str, str]) -> list[Attributes]:
        self.asked.append((level, dict(keys)))
        wanted = {keyword: key for keyword, key in keys.items() if key}
        known = [{**self.matched, **one} if level is Level.SERIES else one for one in self.levels[level]]
        found = [one for one in known if _fits(one, wanted)]
        blanks = dict.fromkeys(keys, "") if self.blank else {}
        told = keys.keys() - self.matched.keys()
        return [blanks | {k: v for k, v in one.items() if k in told} for one in found]

    def retrieve(self, request: RetrieveRequest, spool: Path, arrived: OnArrival) -> list[FailedInstance]:
        raise NotImplementedError

    def close(self) -> None:
        pass


def _fits(one: Attributes, wanted: Mapping[str, str]) -> bool:
    return all(key_matches(k, v, one[k]) is not Match.NO for k, v in wanted.items() if k in one)


def reticent(*, blank: bool = False, matched: Mapping[str, str] | None = None, **series: str) -> Reticent:
    """Study 1.1 has a series of two CT images, 1.2 one of a single MR image by another maker."""
    of_images = [("1.1", "1.1.1"), ("1.1", "1.1.1"), ("1.2", "1.2.1")]
    return Reticent(
        {
            Level.STUDY: [
                {"StudyInstanceUID": "1.1", "PatientID": "A", "StudyDate": "20240101"},
                {"StudyInstanceUID": "1.2", "PatientID": "B", "StudyDate": "20240101"},
            ],
            Level.SERIES: [
                {"StudyInstanceUID": "1.1", "SeriesInstanceUID": "1.1.1", "Modality": "CT", **series},
                {"StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.2.1", "Modality": "MR"},
            ],
            Level.IMAGE: [
                {"StudyInstanceUID": study, "SeriesInstanceUID": one, "SOPInstanceUID": f"{one}.{number}"}
                for number, (study, one) in enumerate(of_images)
            ],
        },
        blank,
        matched or {},
    )

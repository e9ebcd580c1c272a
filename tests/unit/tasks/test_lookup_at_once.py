"""Series over many studies of an archive that answers relational queries, but only so many to each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from adit_cli.dicom.query import Attributes, Level
from adit_cli.nodes.base import FailedInstance, OnArrival, RetrieveRequest
from adit_cli.tasks.lookup import Lookup, look_up, parse_rule

SERIES = [
    {"PatientID": "P1", "StudyInstanceUID": f"1.{study}", "SeriesInstanceUID": f"1.{study}.{number}"}
    for study in range(90)
    for number in range(2)
]


class Capped:
    """Says that it is relational, and answers at most so many."""

    def __init__(self, cap: int) -> None:
        self.cap = cap
        self.levels: list[Level] = []

    def is_relational(self) -> bool:
        """Return that it is."""
        return True

    def find(self, level: Level, keys: Mapping[str, str]) -> list[Attributes]:
        """Return the first of what matches."""
        self.levels.append(level)
        of_study = [one for one in SERIES if keys.get("StudyInstanceUID") in {"", one["StudyInstanceUID"]}]
        series = [one for one in of_study if keys.get("PatientID") in {None, "", one["PatientID"]}]
        found = series[::2] if level is Level.STUDY else series
        return [{keyword: one[keyword] for keyword in keys if keyword in one} for one in found][: self.cap]

    def retrieve(self, request: RetrieveRequest, spool: Path, arrived: OnArrival) -> list[FailedInstance]:
        """Fetch nothing."""
        raise NotImplementedError

    def close(self) -> None:
        """Close nothing."""


@pytest.mark.parametrize(("cap", "questions"), [(1000, 1), (100, 92)])
def test_an_answer_that_looks_cut_is_asked_for_study_by_study(cap: int, questions: int) -> None:
    source = Capped(cap)
    lookup = Lookup(
        Level.SERIES, {"PatientID": parse_rule("PatientID", "P1", date(2024, 6, 1))}, ("PatientID",)
    )

    found = look_up(source, lookup)

    assert [one["SeriesInstanceUID"] for one in found] == [one["SeriesInstanceUID"] for one in SERIES]
    assert len(source.levels) == questions

from __future__ import annotations

import pickle
import sqlite3
import stat
import time
import zlib
from collections.abc import Generator
from pathlib import Path

import pytest

from adit_cli.dicom.query import Level
from adit_cli.engine.remembered import DiskMemory, RememberingSource
from adit_cli.nodes.folder import FolderSource
from tests.support.builders import BuiltStudy, build_study
from tests.support.scripted_nodes import ScriptedSource

HOUR = 3600.0
KEYS = {"SeriesInstanceUID": "", "Modality": ""}


class Place:
    """A study, the source that has it, and where its answers are remembered."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.study: BuiltStudy = build_study(folder / "in", modalities=("CT", "MR"))
        self.source = ScriptedSource(FolderSource("in", folder / "in"))
        self.memory = DiskMemory(folder / "lookups", HOUR)
        self.remembering = RememberingSource(self.source, "PACS@host:104", self.memory)

    def series(self, **more: str) -> list[dict[str, str]]:
        return self.remembering.find(Level.SERIES, {**KEYS, "StudyInstanceUID": self.study.uid, **more})


@pytest.fixture
def place(tmp_path: Path) -> Generator[Place]:
    made = Place(tmp_path)
    yield made
    made.memory.close()


def test_the_series_of_a_study_are_asked_once(place: Place) -> None:
    first, second = place.series(), place.series()

    assert first == second
    assert {one["Modality"] for one in first} == {"CT", "MR"}
    assert len(place.source.finds) == 1


def test_what_another_run_asked_is_remembered_by_the_next(place: Place) -> None:
    first = place.series()
    place.memory.close()
    place.memory = DiskMemory(place.folder / "lookups", HOUR)
    again = RememberingSource(place.source, "PACS@host:104", place.memory)

    assert again.find(Level.SERIES, {**KEYS, "StudyInstanceUID": place.study.uid}) == first
    assert len(place.source.finds) == 1


@pytest.mark.parametrize(("wanted", "later", "finds"), [(60.0, 30, 1), (60.0, 600, 2), (2 * HOUR, 600, 1)])
def test_an_answer_is_as_old_as_a_job_allows_at_most(
    place: Place, wanted: float, later: float, finds: int
) -> None:
    now = time.time()
    place.series()
    memory = DiskMemory(place.folder / "lookups", wanted, lambda: now + later)
    RememberingSource(place.source, "PACS@host:104", memory).find(
        Level.SERIES, {**KEYS, "StudyInstanceUID": place.study.uid}
    )
    memory.close()

    assert len(place.source.finds) == finds


def test_another_server_is_asked_itself(place: Place) -> None:
    place.series()
    other = RememberingSource(place.source, "OTHER@host:104", place.memory)
    other.find(Level.SERIES, {**KEYS, "StudyInstanceUID": place.study.uid})

    assert len(place.source.finds) == 2


@pytest.mark.parametrize("level", [Level.STUDY, Level.IMAGE])
def test_studies_and_instances_are_asked_each_time(place: Place, level: Level) -> None:
    for _ in range(2):
        place.remembering.find(level, {"StudyInstanceUID": place.study.uid, "PatientName": ""})

    assert len(place.source.finds) == 2


def test_no_patient_is_in_the_file(place: Place) -> None:
    place.source.extra_series = [{"SeriesInstanceUID": "9", "PatientName": "Secret^Person"}]
    place.series()
    place.series(PatientID="")
    place.memory.close()

    with sqlite3.connect(place.folder / "lookups" / "cache.db") as db:
        kept = [zlib.decompress(value).decode() for (value,) in db.execute("select value from Cache")]
    db.close()
    assert stat.S_IMODE((place.folder / "lookups").stat().st_mode) == 0o700
    assert all(path.stat().st_mode & 0o077 == 0 for path in (place.folder / "lookups").rglob("*"))
    assert len(kept) == 1
    assert place.study.series[0].uid in kept[0]
    assert "Secret" not in kept[0]
    assert place.study.patient_id not in kept[0]
    assert len(place.source.finds) == 2


class Trap:
    """Says when it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return (open, ("sprung", "w"))


def test_what_somebody_pickled_into_the_file_is_not_read(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place.folder)
    expected = place.series()
    with sqlite3.connect(place.folder / "lookups" / "cache.db") as db:
        db.execute("update Cache set mode = 4, value = ?", (pickle.dumps(Trap()),))
    db.close()

    assert place.series() == expected
    assert not (place.folder / "sprung").exists()


def test_a_file_that_cannot_be_used_remembers_nothing(tmp_path: Path) -> None:
    (tmp_path / "lookups").mkdir()
    (tmp_path / "lookups" / "cache.db").write_bytes(b"no database" * 1000)
    memory = DiskMemory(tmp_path / "lookups", HOUR)

    memory.put("key", "value")

    assert memory.get("key") is None
    memory.close()

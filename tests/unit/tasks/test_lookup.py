from __future__ import annotations

from collections.abc import Generator, Mapping
from datetime import date
from pathlib import Path

import pytest

from adit_cli.dicom.query import Attributes, Level
from adit_cli.errors import NodeError, Reason, TransientNodeError
from adit_cli.nodes.base import FailedInstance, OnArrival, RetrieveRequest
from adit_cli.nodes.folder import FolderSource
from adit_cli.tasks.lookup import Lookup, look_up, parse_rule
from tests.support.builders import BuiltStudy, build_study

TODAY = date(2024, 6, 1)


class Listening:
    """A folder that remembers what it was asked, and that like some archives can be deaf to keys."""

    def __init__(self, folder: Path, *, deaf_to: tuple[str, ...] = ()) -> None:
        self._source = FolderSource("folder", folder)
        self._deaf_to = deaf_to
        self.asked: list[tuple[Level, dict[str, str]]] = []

    def find(self, level: Level, keys: Mapping[str, str]) -> list[Attributes]:
        self.asked.append((level, dict(keys)))
        return self._source.find(level, {k: "" if k in self._deaf_to else v for k, v in keys.items()})

    def retrieve(self, request: RetrieveRequest, spool: Path, arrived: OnArrival) -> list[FailedInstance]:
        return self._source.retrieve(request, spool, arrived)

    def close(self) -> None:
        self._source.close()


def lookup(level: Level, /, *wanted: str, **texts: str) -> Lookup:
    return Lookup(
        level, {keyword: parse_rule(keyword, text, TODAY) for keyword, text in texts.items()}, wanted
    )


@pytest.fixture
def thorax(tmp_path: Path) -> BuiltStudy:
    return build_study(tmp_path, modalities=("CT", "MR"), patient_id="P1", StudyDate="20240131")


@pytest.fixture
def head(tmp_path: Path) -> BuiltStudy:
    return build_study(tmp_path, patient_id="P2", StudyDate="20240215", StudyDescription="Head, thin slices")


@pytest.mark.parametrize(
    "texts",
    [
        {"PatientID": "P1"},
        {"StudyDate": "2024-01"},
        {"ModalitiesInStudy": "mr"},
        {"StudyDescription": "/^thor/i"},
        {"StudyDescription": "Thor*", "PatientID": "P?"},
    ],
)
def test_studies_are_found_by_what_the_rules_say(
    tmp_path: Path, thorax: BuiltStudy, head: BuiltStudy, texts: dict[str, str]
) -> None:
    assert head.uid != thorax.uid

    found = look_up(Listening(tmp_path), lookup(Level.STUDY, **texts))

    assert [entry["StudyInstanceUID"] for entry in found] == [thorax.uid]


def test_what_a_deaf_archive_returns_too_much_is_left_out(
    tmp_path: Path, thorax: BuiltStudy, head: BuiltStudy
) -> None:
    source = Listening(tmp_path, deaf_to=("PatientID", "StudyDate"))

    found = look_up(source, lookup(Level.STUDY, PatientID=head.patient_id, StudyDate="2024-02"))

    assert [entry["StudyInstanceUID"] for entry in found] == [head.uid]
    assert thorax.uid not in str(found)


def test_series_are_reached_through_their_studies(
    tmp_path: Path, thorax: BuiltStudy, head: BuiltStudy
) -> None:
    source = Listening(tmp_path)

    found = look_up(source, lookup(Level.SERIES, "PatientID", PatientID=thorax.patient_id, Modality="MR"))

    assert [(entry["SeriesInstanceUID"], entry["PatientID"]) for entry in found] == [
        (thorax.series[1].uid, "P1")
    ]
    assert [level for level, _ in source.asked] == [Level.STUDY, Level.SERIES]
    assert source.asked[0][1]["ModalitiesInStudy"] == "MR"
    assert head.uid not in str(source.asked)


def test_a_known_study_uid_saves_the_study_query(tmp_path: Path, thorax: BuiltStudy) -> None:
    source = Listening(tmp_path)

    found = look_up(source, lookup(Level.SERIES, StudyInstanceUID=thorax.uid))

    assert [entry["SeriesInstanceUID"] for entry in found] == [series.uid for series in thorax.series]
    assert [level for level, _ in source.asked] == [Level.SERIES]


@pytest.mark.parametrize(
    ("level", "keyword"), [(Level.SERIES, "SeriesInstanceUID"), (Level.IMAGE, "SeriesInstanceUID")]
)
def test_a_series_uid_alone_is_asked_relationally_and_names_its_study(
    tmp_path: Path, thorax: BuiltStudy, level: Level, keyword: str
) -> None:
    source = Listening(tmp_path)

    found = look_up(source, lookup(level, **{keyword: thorax.series[1].uid}))

    assert {entry["StudyInstanceUID"] for entry in found} == {thorax.uid}
    assert [level for level, _ in source.asked] == [level]


def test_instances_are_listed_with_what_is_known_above_them(tmp_path: Path, thorax: BuiltStudy) -> None:
    found = look_up(Listening(tmp_path), lookup(Level.IMAGE, "PatientID", "Modality", "InstanceNumber"))

    assert [entry["SOPInstanceUID"] for entry in found] == thorax.instance_uids
    assert found[0]["StudyInstanceUID"] == thorax.uid
    assert found[-1]["Modality"] == "MR"


def test_several_modalities_are_several_queries_and_each_study_comes_once(
    tmp_path: Path, thorax: BuiltStudy, head: BuiltStudy
) -> None:
    source = Listening(tmp_path)

    found = look_up(source, lookup(Level.STUDY, ModalitiesInStudy="CT\\MR"))

    assert [keys["ModalitiesInStudy"] for _, keys in source.asked] == ["CT", "MR"]
    assert sorted(entry["StudyInstanceUID"] for entry in found) == sorted([thorax.uid, head.uid])


def test_several_uids_are_one_query(tmp_path: Path, thorax: BuiltStudy, head: BuiltStudy) -> None:
    source = Listening(tmp_path)

    found = look_up(source, lookup(Level.STUDY, StudyInstanceUID=f"{thorax.uid}\\{head.uid}"))

    assert len(found) == 2
    assert len(source.asked) == 1


def test_a_limit_stops_the_search(tmp_path: Path, thorax: BuiltStudy, head: BuiltStudy) -> None:
    source = Listening(tmp_path)

    found = look_up(source, lookup(Level.SERIES), limit=1)

    assert len(found) == 1
    assert len(source.asked) == 2
    assert {thorax.uid, head.uid} > {found[0]["StudyInstanceUID"]}


class Sparing(Listening):
    """An archive that says of a study only what it must (PS3.4 §C.6.2.1.2), and knows no patients."""

    def __init__(self, folder: Path, *, silent_on: tuple[str, ...] = (), patients: bool = True) -> None:
        super().__init__(folder)
        self._silent_on = silent_on
        self._patients = patients

    def find(self, level: Level, keys: Mapping[str, str]) -> list[Attributes]:
        if level is Level.PATIENT and not self._patients:
            raise NodeError("it has no Patient Root", reason=Reason.NO_CONTEXT)
        asked = {k: "" if k in self._silent_on and level is Level.STUDY else v for k, v in keys.items()}
        found = super().find(level, asked)
        if level is not Level.STUDY:
            return found
        return [{k: v for k, v in one.items() if k not in self._silent_on} for one in found]


def test_what_is_not_said_of_a_study_is_asked_of_its_series(
    tmp_path: Path, thorax: BuiltStudy, head: BuiltStudy
) -> None:
    source = Sparing(tmp_path, silent_on=("ModalitiesInStudy",))

    found = look_up(source, lookup(Level.STUDY, ModalitiesInStudy="MR"))

    assert [one["StudyInstanceUID"] for one in found] == [thorax.uid]
    deeper = {keys["StudyInstanceUID"] for level, keys in source.asked if level is Level.SERIES}
    assert deeper == {thorax.uid, head.uid}


def test_patients_are_taken_from_their_studies_where_nobody_knows_patients(
    tmp_path: Path, thorax: BuiltStudy
) -> None:
    for _ in range(2):
        build_study(tmp_path, patient_id="P3", PatientName="Roe^Jane")

    found = look_up(Sparing(tmp_path, patients=False), lookup(Level.PATIENT, "PatientName", PatientID="P*"))

    assert sorted(one["PatientID"] for one in found) == [thorax.patient_id, "P3"]
    assert all("PatientName" in one and "StudyInstanceUID" not in one for one in found)


def test_patients_are_told_by_what_their_series_are(
    tmp_path: Path, thorax: BuiltStudy, head: BuiltStudy
) -> None:
    found = look_up(Listening(tmp_path), lookup(Level.PATIENT, Modality="MR"))

    assert [one["PatientID"] for one in found] == [thorax.patient_id]
    assert head.patient_id not in str(found)


class Breaking(Listening):
    """An archive that breaks off after its first answer, and is well when it is asked again."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.searches = 0

    def search(self, level: Level, keys: Mapping[str, str]) -> Generator[Attributes]:
        self.searches += 1
        yield self.find(level, keys)[0]
        raise TransientNodeError("it broke off")


def test_a_search_that_breaks_off_is_asked_again_and_tells_everything_once(
    tmp_path: Path, thorax: BuiltStudy, head: BuiltStudy
) -> None:
    source = Breaking(tmp_path)

    found = look_up(source, lookup(Level.STUDY))

    assert sorted(one["StudyInstanceUID"] for one in found) == sorted([thorax.uid, head.uid])
    assert source.searches == 1

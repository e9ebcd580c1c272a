from __future__ import annotations

import errno
import os
from pathlib import Path
from shutil import copy

import pytest

from adit_cli.dicom.query import Attributes, Level
from adit_cli.errors import DiskFullError, NodeError, Reason, UsageError
from adit_cli.nodes import folder, storage
from adit_cli.nodes.aside import STAGING
from adit_cli.nodes.base import Arrival, InstanceRef, RetrieveRequest
from adit_cli.nodes.folder import NAMED, FolderSource
from tests.support.builders import build_study
from tests.support.disk import at_most, closed_folder
from tests.support.packing import pack
from tests.support.reading import pydicom_file, read_dicom


def opened(folder: Path) -> FolderSource:
    return FolderSource("in", folder)


def fetched(
    source: FolderSource, request: RetrieveRequest, spool: Path
) -> tuple[list[Arrival], list[tuple[str, Reason]]]:
    spool.mkdir(exist_ok=True)
    arrivals: list[Arrival] = []
    failed = source.retrieve(request, spool, arrivals.append)
    return arrivals, [(one.uid, one.reason) for one in failed]


def test_a_study_is_found_with_what_is_asked_for(tmp_path: Path) -> None:
    study = build_study(tmp_path, modalities=("CT", "MR"), instances=2, patient_id="P1", Rows=8)

    (found,) = opened(tmp_path).find(
        Level.STUDY,
        {
            "QueryRetrieveLevel": "STUDY",
            "PatientID": "P1",
            "ModalitiesInStudy": "",
            "NumberOfStudyRelatedSeries": "",
            "NumberOfStudyRelatedInstances": "",
            "Rows": "",
            "BodyPartThickness": "",
        },
    )

    assert found == {
        "PatientID": "P1",
        "IssuerOfPatientID": "",
        "StudyInstanceUID": study.uid,
        "ModalitiesInStudy": "CT\\MR",
        "NumberOfStudyRelatedSeries": "2",
        "NumberOfStudyRelatedInstances": "4",
        "Rows": "8",
        "BodyPartThickness": "",
    }


def test_patients_series_and_instances_are_found_below_each_other(tmp_path: Path) -> None:
    studies = [build_study(tmp_path, modalities=("CT", "MR"), instances=2, patient_id="P1") for _ in "ab"]
    source = opened(tmp_path)

    (patient,) = source.find(Level.PATIENT, {"PatientID": "", "NumberOfPatientRelatedStudies": ""})
    series = source.find(Level.SERIES, {"StudyInstanceUID": studies[0].uid, "Modality": "MR"})
    images = source.find(
        Level.IMAGE, {"StudyInstanceUID": studies[0].uid, "SeriesInstanceUID": studies[0].series[1].uid}
    )

    assert patient["NumberOfPatientRelatedStudies"] == "2"
    assert [one["SeriesInstanceUID"] for one in series] == [studies[0].series[1].uid]
    assert {one["SOPInstanceUID"] for one in images} == set(studies[0].series[1].instance_uids)


@pytest.mark.parametrize(
    ("keys", "matches"),
    [
        ({"StudyDate": "20240101-20241231"}, True),
        ({"StudyDate": "20230101-20231231"}, False),
        ({"StudyTime": "1000-1100"}, True),
        ({"StudyTime": "1200-"}, False),
        ({"PatientName": "m?ller*"}, True),
        ({"PatientName": "Doe*"}, False),
        ({"StudyDescription": "thorax"}, True),
        ({"ModalitiesInStudy": "CT"}, True),
        ({"ModalitiesInStudy": "MR"}, False),
        ({"StudyInstanceUID": "1.2.3\\9.9"}, False),
        ({"Laterality": "L"}, False),
    ],
)
def test_keys_match_as_on_a_server(tmp_path: Path, keys: Attributes, *, matches: bool) -> None:
    build_study(tmp_path, instances=1)

    assert bool(opened(tmp_path).find(Level.STUDY, keys)) is matches


def test_a_list_of_uids_matches_each_of_them(tmp_path: Path) -> None:
    uids = [build_study(tmp_path, instances=1).uid for _ in range(3)]

    found = opened(tmp_path).find(Level.STUDY, {"StudyInstanceUID": "\\".join(uids[:2])})

    assert {one["StudyInstanceUID"] for one in found} == set(uids[:2])


def test_a_key_that_makes_no_sense_is_refused(tmp_path: Path) -> None:
    build_study(tmp_path, instances=1)

    with pytest.raises(UsageError, match="not a date"):
        opened(tmp_path).find(Level.STUDY, {"StudyDate": "soon"})


def test_two_patients_under_one_study_uid_are_two_answers(tmp_path: Path) -> None:
    for patient in ("P1", "P2"):
        build_study(tmp_path, instances=1, patient_id=patient, StudyInstanceUID="1.2.3")

    found = opened(tmp_path).find(Level.STUDY, {})

    assert {(one["StudyInstanceUID"], one["PatientID"]) for one in found} == {
        ("1.2.3", "P1"),
        ("1.2.3", "P2"),
    }


def test_what_is_no_dicom_is_skipped_and_what_is_broken_is_named(tmp_path: Path) -> None:
    study = build_study(tmp_path, instances=2)
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "empty").touch()
    copy(pydicom_file("DICOMDIR"), tmp_path / "DICOMDIR")
    (tmp_path / "cut").write_bytes(study.files[0].read_bytes()[:300])
    (tmp_path / STAGING).mkdir()
    copy(study.files[0], tmp_path / STAGING / "staged")
    os.mkfifo(tmp_path / "pipe")
    source = opened(tmp_path)

    (found,) = source.find(Level.STUDY, {"NumberOfStudyRelatedInstances": ""})

    assert found["NumberOfStudyRelatedInstances"] == "2"
    skipped, missing, broken = source.notes()
    assert (skipped, broken) == (
        "in: skipped 4 files without a DICOM image",
        "in: could not read 1 file: cut",
    )
    assert missing.startswith("in: did not find 31 files that a DICOMDIR names: 77654033/CR1/6154; ")


def test_a_file_without_its_uids_is_broken(tmp_path: Path) -> None:
    study = build_study(tmp_path, instances=1)
    ds = read_dicom(study.files[0])
    del ds.SeriesInstanceUID
    ds.save_as(study.files[0])

    source = opened(tmp_path)

    assert source.find(Level.STUDY, {}) == []
    assert "could not read 1 file" in source.notes()[0]


def test_many_broken_files_are_counted_beyond_the_first(tmp_path: Path) -> None:
    for number in range(NAMED + 2):
        (tmp_path / f"{number:02}").write_bytes(bytes(128) + b"DICM")

    assert opened(tmp_path).notes() == [
        "in: could not read 12 files: 00; 01; 02; 03; 04; 05; 06; 07; 08; 09 and 2 more"
    ]


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_that_ends_in_its_pixel_data_is_named_and_never_taken_for_an_image(
    tmp_path: Path, *, packed: bool
) -> None:
    study = build_study(tmp_path / "made", instances=2)
    files = [study.files[0].read_bytes(), study.files[1].read_bytes()[:-5]]
    if packed:
        pack(tmp_path / "in" / "a.zip", {"0": files[0], "1": files[1]})
    else:
        (tmp_path / "in").mkdir()
        for number, content in enumerate(files):
            (tmp_path / "in" / f"{number}").write_bytes(content)
    source = opened(tmp_path / "in")

    arrivals, failed = fetched(source, RetrieveRequest(study.uid), tmp_path / "spool")

    assert [one.uid for one in arrivals] == [study.instance_uids[0]]
    assert failed == [(study.instance_uids[1], Reason.REJECTED)]
    assert [path.name for path in (tmp_path / "spool").iterdir()] == [f"{study.instance_uids[0]}.dcm"]


def test_a_file_on_a_bad_disc_keeps_none_of_the_others_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = build_study(tmp_path / "in", instances=3)
    (tmp_path / "spool").mkdir()

    def scratched(source: Path, target: Path) -> None:
        if source == study.files[1]:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        copy(source, target)

    monkeypatch.setattr(folder, "link_or_copy", scratched)
    arrivals: list[Arrival] = []
    (failed,) = opened(tmp_path / "in").retrieve(
        RetrieveRequest(study.uid), tmp_path / "spool", arrivals.append
    )

    assert len(arrivals) == 2
    assert (failed.uid, failed.reason) == (study.instance_uids[1], Reason.REJECTED)
    assert failed.message == "the file cannot be used: Input/output error"


@pytest.mark.parametrize("packed", [False, True])
def test_a_full_disk_is_named_where_it_is_and_not_as_the_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, packed: bool
) -> None:
    study = build_study(tmp_path / "made", instances=1, size=64)
    if packed:
        pack(tmp_path / "in" / "a.zip", {"0": study.files[0].read_bytes()})
    else:
        copy(study.files[0], tmp_path / "in")
    monkeypatch.setattr(storage, "_NO_LINKS", frozenset({errno.EXDEV}))
    monkeypatch.setattr(Path, "hardlink_to", _other_disk)
    source = opened(tmp_path / "in")
    source.find(Level.STUDY, {})

    with at_most(1000), pytest.raises(DiskFullError, match="spool: no space left"):
        fetched(source, RetrieveRequest(study.uid), tmp_path / "spool")


def _other_disk(_target: Path, _source: Path) -> None:
    raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))


def test_what_cannot_be_read_may_hold_more_and_what_is_no_dicom_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = build_study(tmp_path / "in", instances=1)
    (tmp_path / "in" / "letter.txt").write_text("hello")
    os.mkfifo(tmp_path / "in" / "pipe")
    calm = opened(tmp_path / "in").unread()
    (tmp_path / "in" / "bad.zip").write_bytes(b"no zip")
    (tmp_path / "in" / "cut").write_bytes(study.files[0].read_bytes()[:300])
    (tmp_path / "in" / "gone.zip").symlink_to("nowhere")
    (tmp_path / "in" / "shut").mkdir()
    closed_folder(monkeypatch, tmp_path / "in" / "shut")
    source = opened(tmp_path / "in")

    unread = source.unread()

    assert calm == []
    shown = [one.shown.partition(" ")[0] for one in unread]
    assert sorted(shown) == ["bad.zip", "cut", "gone.zip", "shut"]
    assert all(one.hint for one in unread)
    assert "in: could not look into 1 folder: shut" in source.notes()
    assert len(source.find(Level.STUDY, {})) == 1


def test_a_missing_folder_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(NodeError, match="in: No such file or directory") as caught:
        opened(tmp_path / "nowhere").find(Level.STUDY, {})

    assert caught.value.hint == "check the path"


def test_files_come_as_they_are_and_cost_no_space(tmp_path: Path) -> None:
    study = build_study(tmp_path / "in", modalities=("CT", "MR"), instances=2)

    arrivals, failed = fetched(opened(tmp_path / "in"), RetrieveRequest(study.uid), tmp_path / "spool")

    assert failed == []
    assert {one.uid: one.path.read_bytes() for one in arrivals} == {
        uid: path.read_bytes() for uid, path in zip(study.instance_uids, study.files, strict=True)
    }
    assert all(one.path.name == f"{one.uid}.dcm" and one.path.stat().st_nlink == 2 for one in arrivals)


def test_only_the_series_and_instances_asked_for_come(tmp_path: Path) -> None:
    study = build_study(tmp_path / "in", modalities=("CT", "MR"), instances=2)
    build_study(tmp_path / "in", instances=1)
    series = study.series[1]
    wanted = InstanceRef(study.uid, series.uid, series.instance_uids[0])
    source = opened(tmp_path / "in")

    of_series, _ = fetched(source, RetrieveRequest(study.uid, (series.uid,)), tmp_path / "a")
    single, _ = fetched(source, RetrieveRequest(study.uid, (series.uid,), (wanted,)), tmp_path / "b")

    assert {one.uid for one in of_series} == set(series.instance_uids)
    assert [one.uid for one in single] == [wanted.uid]


def test_a_second_copy_is_no_second_instance_but_other_content_is_a_mismatch(tmp_path: Path) -> None:
    study = build_study(tmp_path / "in", instances=3)
    copy(study.files[0], tmp_path / "in" / "copy.dcm")
    other = Path(copy(study.files[1], tmp_path / "in" / "other.dcm"))
    data = bytearray(other.read_bytes())
    data[-1] ^= 1
    other.write_bytes(data)

    arrivals, failed = fetched(opened(tmp_path / "in"), RetrieveRequest(study.uid), tmp_path / "spool")

    assert {one.uid for one in arrivals} == {study.instance_uids[0], study.instance_uids[2]}
    assert failed == [(study.instance_uids[1], Reason.MISMATCH)]


def test_a_file_that_vanished_or_broke_since_it_was_listed_is_named_without_its_path(tmp_path: Path) -> None:
    study = build_study(tmp_path / "in", instances=3)
    source = opened(tmp_path / "in")
    source.find(Level.STUDY, {})
    study.files[0].unlink()
    study.files[1].write_bytes(b"no longer DICOM")

    spool = tmp_path / "spool"
    spool.mkdir()
    failed = source.retrieve(RetrieveRequest(study.uid), spool, lambda _: None)

    assert [(one.uid, one.reason) for one in failed] == [
        (study.instance_uids[0], Reason.REJECTED),
        (study.instance_uids[1], Reason.REJECTED),
    ]
    assert not any(str(tmp_path) in one.message or ".dcm" in one.message for one in failed)


def test_a_closed_source_reads_the_folder_again(tmp_path: Path) -> None:
    source = opened(tmp_path)
    before = source.find(Level.STUDY, {})
    build_study(tmp_path, instances=1)

    source.close()

    assert (before, len(source.find(Level.STUDY, {}))) == ([], 1)

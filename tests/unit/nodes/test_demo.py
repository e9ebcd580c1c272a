"""The demo PACS, asked by pynetdicom: it must behave like a PACS, since newcomers judge us by it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom import dcmread  # pyright: ignore[reportUnknownVariableType]  # pydicom's types are partial
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, MRImageStorage
from pynetdicom import AE, build_role, evt
from pynetdicom.association import Association
from pynetdicom.events import Event

from adit_cli.nodes.demo import DemoPacs, demo_studies
from adit_cli.nodes.demo.sample import ADA, STUDIES
from tests.support.ae import storage_peer
from tests.support.builders import build_study

FIND, MOVE, GET = (f"1.2.840.10008.5.1.4.1.2.2.{service}" for service in (1, 2, 3))
ECHO = "1.2.840.10008.1.1"
PENDING = {0xFF00, 0xFF01}


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return demo_studies(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def pacs(images: list[Path]) -> Generator[DemoPacs]:
    with DemoPacs(images[0].parent.parent) as server:
        yield server


@contextmanager
def associated(pacs: DemoPacs, received: dict[str, Dataset] | None = None) -> Generator[Association]:
    ae = AE(ae_title="TEST")
    for uid in (ECHO, FIND, MOVE, GET, CTImageStorage, MRImageStorage):
        ae.add_requested_context(uid)
    kept: dict[str, Dataset] = {} if received is None else received

    def keep(event: Event) -> int:
        kept[str(event.dataset.SOPInstanceUID)] = event.dataset
        return 0

    roles = (
        [build_role(uid, scp_role=True) for uid in (CTImageStorage, MRImageStorage)]
        if received is not None
        else []
    )
    association = ae.associate(  # pyright: ignore[reportUnknownMemberType]  # pynetdicom's types are partial
        "127.0.0.1",
        pacs.port,
        ae_title=pacs.ae_title,
        ext_neg=list(roles),
        evt_handlers=[(evt.EVT_C_STORE, keep)],
    )
    assert association.is_established
    try:
        yield association
    finally:
        association.release()


def identifier(level: str, **keys: str) -> Dataset:
    ds = Dataset()
    ds.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        setattr(ds, keyword, value)
    return ds


def find(pacs: DemoPacs, level: str, **keys: str) -> list[Dataset]:
    with associated(pacs) as association:
        answers = list(association.send_c_find(identifier(level, **keys), FIND))
    return [found for status, found in answers if status.Status in PENDING and found is not None]


def finals(answers: Iterator[tuple[Dataset, Dataset | None]]) -> Dataset:
    return [status for status, _ in answers][-1]


def test_sample_studies_are_the_same_every_time(images: list[Path], tmp_path: Path) -> None:
    again = demo_studies(tmp_path)

    assert [path.name for path in again] == [path.name for path in images]
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in images]


def test_sample_studies_show_several_patients_modalities_and_series(images: list[Path]) -> None:
    headers = [dcmread(path, stop_before_pixels=True) for path in images]

    assert len({ds.PatientID for ds in headers}) == 4
    assert {ds.Modality for ds in headers} == {"CT", "MR"}
    assert len({ds.SeriesInstanceUID for ds in headers}) == sum(len(study.series) for study in STUDIES)
    assert len({ds.SOPInstanceUID for ds in headers}) == len(images)


def test_sample_images_show_something(images: list[Path]) -> None:
    pixels = [dcmread(path).PixelData for path in images]

    assert len(set(pixels)) > len(pixels) // 2
    assert all(len(set(one[1::2])) >= 3 for one in pixels)


def test_pacs_answers_an_echo(pacs: DemoPacs) -> None:
    with associated(pacs) as association:
        assert association.send_c_echo().Status == 0


def test_study_is_found_by_wildcard_date_range_and_modality(pacs: DemoPacs) -> None:
    by_name = find(pacs, "STUDY", PatientName="sample^*", StudyInstanceUID="")
    by_date = find(pacs, "STUDY", StudyDate="20240301-20240331", StudyInstanceUID="")
    by_modality = find(pacs, "STUDY", ModalitiesInStudy="MR", StudyInstanceUID="")
    by_id = find(pacs, "STUDY", PatientID="0010042", StudyInstanceUID="")

    assert [len(found) for found in (by_name, by_date, by_modality, by_id)] == [2, 2, 3, 1]


def test_study_says_how_much_it_holds(pacs: DemoPacs) -> None:
    (found,) = find(
        pacs,
        "STUDY",
        AccessionNumber=STUDIES[0].accession_number,
        NumberOfStudyRelatedSeries="",
        NumberOfStudyRelatedInstances="",
        PatientName="",
    )

    assert (found.NumberOfStudyRelatedSeries, found.NumberOfStudyRelatedInstances) == (3, 26)
    assert found.PatientName == ADA.name


def test_series_and_images_are_listed_below_their_study(pacs: DemoPacs) -> None:
    (study,) = find(pacs, "STUDY", AccessionNumber=STUDIES[0].accession_number, StudyInstanceUID="")
    series = find(
        pacs, "SERIES", StudyInstanceUID=study.StudyInstanceUID, SeriesInstanceUID="", Modality="CT"
    )
    counts = [
        len(
            find(
                pacs,
                "IMAGE",
                StudyInstanceUID=study.StudyInstanceUID,
                SeriesInstanceUID=one.SeriesInstanceUID,
                SOPInstanceUID="",
            )
        )
        for one in series
    ]

    assert sorted(counts) == [2, 8, 16]


def test_unknown_study_is_not_found(pacs: DemoPacs) -> None:
    assert find(pacs, "STUDY", StudyInstanceUID="1.2.3") == []


def test_c_get_hands_over_a_whole_study(pacs: DemoPacs) -> None:
    (study,) = find(pacs, "STUDY", AccessionNumber=STUDIES[2].accession_number, StudyInstanceUID="")
    received: dict[str, Dataset] = {}

    with associated(pacs, received) as association:
        last = finals(
            association.send_c_get(identifier("STUDY", StudyInstanceUID=study.StudyInstanceUID), GET)
        )

    assert (last.Status, last.NumberOfCompletedSuboperations, last.NumberOfFailedSuboperations) == (0, 24, 0)
    assert len(received) == 24


def test_c_move_goes_to_a_known_ae_and_to_no_other(pacs: DemoPacs) -> None:
    (study,) = find(pacs, "STUDY", AccessionNumber=STUDIES[4].accession_number, StudyInstanceUID="")
    wanted = identifier("STUDY", StudyInstanceUID=study.StudyInstanceUID)

    with storage_peer("RECEIVER") as receiver, associated(pacs) as association:
        unknown = finals(association.send_c_move(wanted, "RECEIVER", MOVE))
        pacs.move_targets["RECEIVER"] = ("127.0.0.1", receiver.port)
        known = finals(association.send_c_move(wanted, "RECEIVER", MOVE))

    assert unknown.Status == 0xA801
    assert (known.Status, len(receiver.received)) == (0, 12)


def test_what_is_stored_can_be_found(images: list[Path], tmp_path: Path) -> None:
    study = build_study(tmp_path / "made", instances=1)
    archive = tmp_path / "archive"
    archive.mkdir()
    (archive / "one.dcm").write_bytes(images[0].read_bytes())

    with DemoPacs(archive) as pacs:
        with associated(pacs) as association:
            status = association.send_c_store(dcmread(study.files[0]))
        found = find(pacs, "STUDY", StudyInstanceUID=study.uid)

    assert (status.Status, len(found)) == (0, 1)

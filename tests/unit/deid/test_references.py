from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydicom.dataset import Dataset

from adit_cli.deid.files import deidentify_file
from tests.support.deid import CT, ct_data_set, profile_of, saved
from tests.support.reading import pydicom_file, read_dicom

LET_OUT: dict[str, object] = {
    "modalities": {"exclude": ()},
    "burned_in": "allow",
    "options": ["clean-structured-content", "clean-graphics"],
}
SEG, KO, GSPS, SR = (f"1.2.840.10008.5.1.4.1.1.{end}" for end in ("66.4", "88.59", "11.1", "88.11"))
IMAGE_UID, SERIES_UID, STUDY_UID = "1.2.276.0.99.3.1", "1.2.276.0.99.2.1", "1.2.276.0.99.1.1"


def _reference() -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CT, IMAGE_UID
    return item


def _series(**extra: list[Dataset]) -> Dataset:
    series = Dataset()
    series.SeriesInstanceUID = SERIES_UID
    for keyword, items in extra.items():
        setattr(series, keyword, items)
    return series


def _study() -> Dataset:
    study = Dataset()
    study.StudyInstanceUID = STUDY_UID
    study.ReferencedSeriesSequence = [_series(ReferencedSOPSequence=[_reference()])]
    return study


def _content() -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", "IMAGE"
    item.ReferencedSOPSequence = [_reference()]
    return item


def _segmented() -> Dataset:
    derivation = Dataset()
    derivation.SourceImageSequence = [_reference()]
    frame = Dataset()
    frame.DerivationImageSequence = [derivation]
    return frame


def _left(folder: Path, name: str, sop_class: str, **attributes: object) -> Dataset:
    identity: dict[str, object] = {"StudyInstanceUID": STUDY_UID, "FrameOfReferenceUID": "1.2.276.0.99.4"}
    data_set = ct_data_set(SOPClassUID=sop_class, **identity, **attributes)
    path = saved(data_set, folder / f"{name}-in.dcm")
    deidentify_file(path, folder / f"{name}.dcm", profile_of(**LET_OUT), "PSEUDO")
    return read_dicom(folder / f"{name}.dcm")


def _references(data_set: Dataset) -> Iterator[str]:
    return (str(e.value) for e in data_set.iterall() if e.keyword == "ReferencedSOPInstanceUID")


def test_objects_that_refer_to_an_image_still_do(tmp_path: Path) -> None:
    image = _left(tmp_path, "ct", CT, SOPInstanceUID=IMAGE_UID, SeriesInstanceUID=SERIES_UID)
    report: dict[str, object] = {
        "CurrentRequestedProcedureEvidenceSequence": [_study()],
        "ContentSequence": [_content()],
    }
    referenced = _series(ReferencedInstanceSequence=[_reference()])
    frames = [_segmented()]
    shown = _series(ReferencedImageSequence=[_reference()])
    objects = {
        "seg": _left(
            tmp_path,
            "seg",
            SEG,
            ReferencedSeriesSequence=[referenced],
            PerFrameFunctionalGroupsSequence=frames,
        ),
        "ko": _left(tmp_path, "ko", KO, **report),
        "pr": _left(tmp_path, "pr", GSPS, ReferencedSeriesSequence=[shown]),
        "sr": _left(tmp_path, "sr", SR, **report),
    }

    for name, data_set in objects.items():
        references = set(_references(data_set))
        assert references == {image.SOPInstanceUID}, name
        assert data_set.StudyInstanceUID == image.StudyInstanceUID
        assert data_set.FrameOfReferenceUID == image.FrameOfReferenceUID
    assert objects["ko"].ContentSequence[0].ValueType == "IMAGE"
    (evidence,) = objects["ko"].CurrentRequestedProcedureEvidenceSequence
    assert evidence.StudyInstanceUID == image.StudyInstanceUID
    assert evidence.ReferencedSeriesSequence[0].SeriesInstanceUID == image.SeriesInstanceUID


def test_a_structure_set_keeps_its_references_and_contours(tmp_path: Path) -> None:
    before = read_dicom(pydicom_file("rtplan.dcm"))
    deidentify_file(pydicom_file("rtplan.dcm"), tmp_path / "out.dcm", profile_of(**LET_OUT), "P")

    after = read_dicom(tmp_path / "out.dcm")

    assert len(list(_references(after))) == len(list(_references(before)))
    assert after.BeamSequence[0].ControlPointSequence == before.BeamSequence[0].ControlPointSequence

"""Which attributes a table shows at each level, and what a person calls them."""

from __future__ import annotations

from collections.abc import Iterable

from adit_cli.cli.table import Column
from adit_cli.dicom.dictionary import tag_of, vr_of
from adit_cli.dicom.query import Level

TITLES = {
    "PatientID": "Patient",
    "PatientName": "Name",
    "PatientBirthDate": "Born",
    "PatientSex": "Sex",
    "StudyDate": "Date",
    "ModalitiesInStudy": "Mod.",
    "StudyDescription": "Description",
    "AccessionNumber": "Accession",
    "SeriesNumber": "No.",
    "SeriesDescription": "Description",
    "BodyPartExamined": "Part",
    "InstanceNumber": "No.",
    "NumberOfPatientRelatedStudies": "Studies",
    "NumberOfStudyRelatedSeries": "Ser.",
    "NumberOfStudyRelatedInstances": "Images",
    "NumberOfSeriesRelatedInstances": "Images",
    "NumberOfFrames": "Frames",
    "StudyInstanceUID": "Study UID",
    "SeriesInstanceUID": "Series UID",
    "SOPInstanceUID": "Instance UID",
    "SOPClassUID": "Class UID",
}
OPTIONAL = {"AccessionNumber", "NumberOfStudyRelatedSeries", "BodyPartExamined", "SOPClassUID"}
SHOWN = {
    Level.PATIENT: (
        "PatientID",
        "PatientName",
        "PatientBirthDate",
        "PatientSex",
        "NumberOfPatientRelatedStudies",
    ),
    Level.STUDY: (
        "PatientID",
        "PatientName",
        "StudyDate",
        "ModalitiesInStudy",
        "StudyDescription",
        "AccessionNumber",
        "NumberOfStudyRelatedSeries",
        "NumberOfStudyRelatedInstances",
        "StudyInstanceUID",
    ),
    Level.SERIES: (
        "PatientID",
        "StudyDate",
        "Modality",
        "SeriesNumber",
        "SeriesDescription",
        "BodyPartExamined",
        "NumberOfSeriesRelatedInstances",
        "SeriesInstanceUID",
    ),
    Level.IMAGE: ("PatientID", "Modality", "SeriesNumber", "InstanceNumber", "SOPClassUID", "SOPInstanceUID"),
}


def columns(keywords: Iterable[str]) -> dict[str, Column]:
    """Return a table's columns for these attributes."""
    return {
        keyword: Column(
            TITLES.get(keyword, keyword),
            vr_of(tag_of(keyword) or 0),
            keyword in OPTIONAL,
            counts=keyword.startswith("NumberOf"),
        )
        for keyword in keywords
    }

"""Put data sets through the de-identification, in memory or as files."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from adit_cli.deid.change import Change, change_data_set
from adit_cli.deid.context import Context, Keys
from adit_cli.deid.files import deidentify_file
from adit_cli.deid.profile import Profile, compile_profile
from adit_cli.deid.spec import DeidSpec
from adit_cli.dicom.elements import Element, Elements, Encoding
from tests.support.reading import read_dicom

KEY = b"a project's secret, of 32 bytes."
CT = str(CTImageStorage)


def spec_of(**settings: object) -> DeidSpec:
    """Return a specification as a job file would give it."""
    return DeidSpec.model_validate(settings)


def profile_of(**settings: object) -> Profile:
    """Return a profile compiled with KEY."""
    return compile_profile(spec_of(**settings), KEY)


def context(*, pseudonym: str = "PSEUDO", days: int = 10, big_endian: bool = False) -> Context:
    """Return what rules need to know, for a made-up patient."""
    return Context(Keys(b"u", b"d", b"c"), pseudonym, Encoding(big_endian=big_endian), days, 1930)


def elements(*found: Element) -> Elements:
    """Return elements as a data set."""
    return {element.tag: element for element in found}


def changed(
    data_set: Elements, *, sop_class: str = CT, encoding: Encoding | None = None, **settings: object
) -> Elements:
    """Return what a profile leaves of a data set."""
    return change_of(data_set, profile_of(**settings), sop_class=sop_class, encoding=encoding).elements


def change_of(
    data_set: Elements, profile: Profile, *, sop_class: str = CT, encoding: Encoding | None = None
) -> Change:
    """Return the whole change that a profile makes."""
    return change_data_set(data_set, profile, "PSEUDO", sop_class=sop_class, encoding=encoding or Encoding())


def ct_data_set(**attributes: object) -> FileDataset:
    """Return a small CT image of a patient, with attributes set by keyword."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data_set = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    given: Mapping[str, object] = {
        "SOPClassUID": CT,
        "SOPInstanceUID": generate_uid(),
        "StudyInstanceUID": generate_uid(),
        "SeriesInstanceUID": generate_uid(),
        "Modality": "CT",
        "PatientName": "Quillhaven^Xanderine",
        "PatientID": "MRN4711007",
        "PatientBirthDate": "19370719",
        "StudyDate": "20200229",
        "Rows": 2,
        "Columns": 2,
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "SamplesPerPixel": 1,
        "PixelRepresentation": 0,
        "PhotometricInterpretation": "MONOCHROME2",
        "PixelData": struct.pack("<4H", 1, 2, 3, 4),
    }
    for keyword, value in {**given, **attributes}.items():
        setattr(data_set, keyword, value)
    meta.MediaStorageSOPClassUID = data_set.SOPClassUID
    meta.MediaStorageSOPInstanceUID = data_set.SOPInstanceUID
    return data_set


def saved(data_set: FileDataset, path: Path) -> Path:
    """Write a data set as a Part-10 file."""
    data_set.save_as(path, enforce_file_format=True)
    return path


def deidentified(source: Path | FileDataset, folder: Path, **settings: object) -> FileDataset:
    """Return a file as it leaves."""
    path = source if isinstance(source, Path) else saved(source, folder / "in.dcm")
    deidentify_file(path, folder / "out.dcm", profile_of(**settings), "PSEUDO")
    return read_dicom(folder / "out.dcm")


def every_value(data_set: Dataset) -> Iterable[str]:
    """Return all values of a data set as text, at every depth."""
    return (str(element.value) for element in data_set.iterall() if element.VR != "SQ")

"""Studies made for a test: real Part-10 files, small, with UIDs of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    BasicTextSRStorage,
    CTImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MRImageStorage,
    generate_uid,
)

SOP_CLASSES = {"CT": CTImageStorage, "MR": MRImageStorage, "SR": BasicTextSRStorage}
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class BuiltSeries:
    """A series on disk, its files in the order of their instance numbers."""

    uid: str
    modality: str
    files: tuple[Path, ...]
    instance_uids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BuiltStudy:
    """A study on disk."""

    uid: str
    patient_id: str
    accession_number: str
    folder: Path
    series: tuple[BuiltSeries, ...]

    @property
    def files(self) -> list[Path]:
        """All its files."""
        return [file for series in self.series for file in series.files]

    @property
    def instance_uids(self) -> list[str]:
        """All its SOP Instance UIDs."""
        return [uid for series in self.series for uid in series.instance_uids]


def build_study(
    folder: Path,
    *,
    patient_id: str = "",
    modalities: Sequence[str] = ("CT",),
    instances: int = 3,
    size: int = 8,
    transfer_syntax: str = ExplicitVRLittleEndian,
    **attributes: object,
) -> BuiltStudy:
    """Write a study below `folder`: a series for each modality, `size` by `size` pixels of 16 bits each.

    `attributes` are set by keyword on every instance and win over what is made up here; without
    `patient_id` each study has a patient of its own.
    """
    number = next(_numbers)
    study_uid, patient_id = str(generate_uid()), patient_id or f"PAT{number:05d}"
    base = _study_header(number, patient_id, study_uid)
    for keyword, value in attributes.items():
        setattr(base, keyword, value)
    accession = str(base.AccessionNumber)
    root = folder / study_uid
    series = tuple(
        _write_series(base, root, place, modality, (instances, size, transfer_syntax))
        for place, modality in enumerate(modalities, start=1)
    )
    return BuiltStudy(str(base.StudyInstanceUID), patient_id, accession, root, series)


def build_studies(folder: Path, studies: int, **options: object) -> list[BuiltStudy]:
    """Write several studies, each of another patient; options as for `build_study`."""
    return [build_study(folder, **options) for _ in range(studies)]  # pyright: ignore[reportArgumentType]  # passed on as given


def file_tree(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder by its relative path, to compare two folders byte for byte."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def write_part10(ds: Dataset, path: Path, transfer_syntax: str = ExplicitVRLittleEndian) -> Path:
    """Write a dataset as a Part-10 file with the file meta information that belongs to it."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ds.SOPClassUID
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    meta.TransferSyntaxUID = UID(transfer_syntax)
    ds.file_meta = meta
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(
        path,
        implicit_vr=transfer_syntax == ImplicitVRLittleEndian,
        little_endian=transfer_syntax != ExplicitVRBigEndian,
        enforce_file_format=True,
    )
    return path


def _study_header(number: int, patient_id: str, study_uid: str) -> Dataset:
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = (
        f"Müller^Zoë {number}",
        patient_id,
        "19610203",
        "F",
    )
    ds.StudyInstanceUID, ds.StudyID, ds.AccessionNumber = study_uid, str(number), f"ACC{number:06d}"
    ds.StudyDate, ds.StudyTime = f"2024{1 + number % 12:02d}{1 + number % 28:02d}", "101500"
    ds.StudyDescription, ds.ReferringPhysicianName = "Thorax", "Roe^Richard"
    ds.FrameOfReferenceUID = generate_uid()
    return ds


def _write_series(
    base: Dataset, root: Path, place: int, modality: str, shape: tuple[int, int, str]
) -> BuiltSeries:
    instances, size, transfer_syntax = shape
    series_uid, files, uids = str(generate_uid()), list[Path](), list[str]()
    for instance in range(1, instances + 1):
        ds = _image(base, modality, series_uid, (place, instance), size)
        files.append(write_part10(ds, root / str(place) / f"{instance:05d}.dcm", transfer_syntax))
        uids.append(str(ds.SOPInstanceUID))
    return BuiltSeries(series_uid, modality, tuple(files), tuple(uids))


def _image(base: Dataset, modality: str, series_uid: str, place: tuple[int, int], size: int) -> Dataset:
    ds = Dataset()
    for keyword, value in _image_plane(size).items():
        setattr(ds, keyword, value)
    ds.SOPClassUID, ds.SOPInstanceUID = SOP_CLASSES[modality], generate_uid()
    ds.Modality, ds.SeriesInstanceUID, ds.SeriesDescription = modality, series_uid, f"{modality} axial"
    ds.SeriesNumber, ds.InstanceNumber = place
    ds.ImagePositionPatient = [0, 0, place[1]]
    ds.PixelData = bytes((place[1] + index) % 256 for index in range(256)) * (size * size * 2 // 256 + 1)
    ds.PixelData = ds.PixelData[: size * size * 2]
    ds.update(base)
    return ds


def _image_plane(size: int) -> Mapping[str, object]:
    return {
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "Manufacturer": "Builder",
        "PixelSpacing": [1, 1],
        "SliceThickness": 1,
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": size,
        "Columns": size,
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
        "RescaleIntercept": 0,
        "RescaleSlope": 1,
    }

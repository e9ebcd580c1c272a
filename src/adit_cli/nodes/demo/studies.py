"""Write the demo's studies as Part-10 files, with all that a de-identification has to find in them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, MRImageStorage, generate_uid

from adit_cli.nodes.demo.phantom import SIZE, draw
from adit_cli.nodes.demo.sample import STUDIES, SampleSeries, SampleStudy

_SOP_CLASSES = {"CT": CTImageStorage, "MR": MRImageStorage}
_SCANNERS = {"CT": ("Phantom Imaging", "Ellipse 64"), "MR": ("Phantom Imaging", "Spin 1.5T")}


def demo_studies(folder: Path) -> list[Path]:
    """Write all sample studies below `folder`; the same files, UIDs included, every time."""
    return [_write(ds, folder) for study in STUDIES for ds in _images(study)]


def _write(ds: Dataset, folder: Path) -> Path:
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    path = folder / str(ds.StudyInstanceUID) / f"{ds.SOPInstanceUID}.dcm"
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, enforce_file_format=True)
    return path


def _images(study: SampleStudy) -> Iterator[Dataset]:
    for series in study.series:
        for number in range(1, series.slices + 1):
            ds = Dataset()
            ds.SpecificCharacterSet = study.patient.charset
            _describe_study(ds, study)
            _describe_series(ds, study, series)
            _describe_image(ds, study, series, number)
            _add_private(ds, study)
            yield ds


def _describe_study(ds: Dataset, study: SampleStudy) -> None:
    patient = study.patient
    ds.PatientName, ds.PatientID, ds.IssuerOfPatientID = patient.name, patient.patient_id, "DEMO-HOSPITAL"
    ds.PatientBirthDate, ds.PatientSex, ds.PatientAddress = patient.birth_date, patient.sex, patient.address
    ds.PatientAge = f"{_years(patient.birth_date, study.date):03d}Y"
    ds.StudyInstanceUID, ds.StudyID = _uid(study), study.accession_number[-3:]
    ds.StudyDate, ds.StudyTime, ds.StudyDescription = study.date, study.time, study.description
    ds.AccessionNumber, ds.ReferringPhysicianName = study.accession_number, "Referrer^Rita^^Dr"
    ds.InstitutionName, ds.InstitutionAddress = "Demo General Hospital", "1 Invention Square"
    ds.InstitutionalDepartmentName, ds.OperatorsName = "Radiology", "Operator^Olaf"


def _describe_series(ds: Dataset, study: SampleStudy, series: SampleSeries) -> None:
    ds.Modality, ds.SeriesInstanceUID = study.modality, _uid(study, series.number)
    ds.SeriesNumber, ds.SeriesDescription, ds.ProtocolName = (
        series.number,
        series.description,
        series.protocol,
    )
    ds.SeriesDate, ds.SeriesTime = study.date, study.time
    ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = _uid(study, "frame of reference"), ""
    ds.Manufacturer, ds.ManufacturerModelName = _SCANNERS[study.modality]
    ds.StationName, ds.DeviceSerialNumber = f"{study.modality}01", "PH-4711"
    request = Dataset()
    request.RequestedProcedureID, request.ScheduledProcedureStepID = study.accession_number, "SPS1"
    request.RequestingPhysician, request.RequestedProcedureDescription = (
        "Referrer^Rita^^Dr",
        study.description,
    )
    ds.RequestAttributesSequence = Sequence([request])


def _describe_image(ds: Dataset, study: SampleStudy, series: SampleSeries, number: int) -> None:
    ds.SOPClassUID, ds.SOPInstanceUID = _SOP_CLASSES[study.modality], _uid(study, series.number, number)
    ds.ImageType, ds.InstanceNumber, ds.AcquisitionNumber = ["ORIGINAL", "PRIMARY", "AXIAL"], number, 1
    ds.AcquisitionDate, ds.AcquisitionTime, ds.ContentDate, ds.ContentTime = (study.date, study.time) * 2
    if series.number > 1:
        ds.ReferencedImageSequence = Sequence([_reference(study, study.series[0].number, 1)])
    height = 1.6 * (number - 0.5) / series.slices - 0.8
    ds.ImagePositionPatient, ds.SliceThickness = [-200, -200, round(height * 150, 2)], 240 / series.slices
    ds.ImageOrientationPatient, ds.PixelSpacing = [1, 0, 0, 0, 1, 0], [400 / SIZE, 400 / SIZE]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns, ds.BitsAllocated, ds.BitsStored, ds.HighBit = SIZE, SIZE, 16, 12, 11
    ds.PixelRepresentation, ds.WindowCenter, ds.WindowWidth = 0, 900, 1800
    if study.modality == "CT":
        ds.RescaleIntercept, ds.RescaleSlope, ds.KVP, ds.RescaleType = -1024, 1, 120, "HU"
        ds.WindowCenter = 0
    ds.PixelData = draw(study.bodies, height, brightness=series.brightness, seed=number)


def _reference(study: SampleStudy, series: int, number: int) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = _SOP_CLASSES[study.modality]
    item.ReferencedSOPInstanceUID = _uid(study, series, number)
    return item


def _add_private(ds: Dataset, study: SampleStudy) -> None:
    """Repeat the patient where only the manufacturer knows to look, as scanners do."""
    block = ds.private_block(0x0019, "PHANTOM DEMO 1.0", create=True)
    block.add_new(0x01, "LO", f"{study.patient.patient_id} {study.patient.birth_date}")
    block.add_new(0x02, "UI", _uid(study, "raw data"))
    block.add_new(0x03, "DS", "1.25")


def _uid(study: SampleStudy, *place: object) -> str:
    return str(generate_uid(entropy_srcs=["adit demo", study.accession_number, *map(str, place)]))


def _years(birth: str, day: str) -> int:
    born, then = date.fromisoformat(birth), date.fromisoformat(day)
    return then.year - born.year - ((then.month, then.day) < (born.month, born.day))

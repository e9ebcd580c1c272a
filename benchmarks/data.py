"""Studies to measure with: generated once for each shape, kept in `benchmarks/data`, never committed."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import EnhancedCTImageStorage, generate_uid

from tests.support.builders import build_study, write_part10
from tests.support.process import PeerError

HALF_MEGABYTE = 512
"""Rows and columns of a CT slice of 0.5 MB."""


@dataclass(frozen=True, slots=True)
class Made:
    """A study on disk."""

    uid: str
    folder: Path
    instances: int

    @property
    def files(self) -> list[Path]:
        """Its files."""
        return sorted(self.folder.rglob("*.dcm"))


def study(root: Path, instances: int, *, size: int = HALF_MEGABYTE, number: int = 0) -> Made:
    """Return a CT study of so many slices, made if it isn't there yet."""
    folder = root / f"ct-{instances}x{size}-{number}"
    index = folder / "index.json"
    if not index.is_file():
        uid, patient = str(generate_uid()), f"BENCH{number:03d}"
        build_study(folder, instances=instances, size=size, patient_id=patient, StudyInstanceUID=uid)
        index.write_text(json.dumps({"uid": uid}))
    uid = str(json.loads(index.read_text())["uid"])
    return Made(uid, folder, instances)


def large_object(root: Path, size: int) -> Made:
    """Return a study of one multi-frame object of about `size` bytes; its pixels are a hole in the file."""
    folder = root / f"object-{size}"
    index = folder / "index.json"
    if not index.is_file():
        uid = str(generate_uid())
        _write_large(folder / "object.dcm", uid, size - size % 2)
        index.write_text(json.dumps({"uid": uid}))
    return Made(str(json.loads(index.read_text())["uid"]), folder, 1)


def _write_large(path: Path, study_uid: str, size: int) -> None:
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = EnhancedCTImageStorage, generate_uid()
    ds.StudyInstanceUID, ds.SeriesInstanceUID = study_uid, generate_uid()
    ds.PatientName, ds.PatientID, ds.Modality = "Large^Object", "BENCHLARGE", "CT"
    ds.StudyDate, ds.StudyTime, ds.AccessionNumber, ds.StudyID = "20240101", "120000", "LARGE", "1"
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.Rows, ds.Columns, ds.NumberOfFrames = 1024, 1024, max(size >> 21, 1)
    ds.PixelData = b"\0\0"
    write_part10(ds, path)
    with path.open("r+b") as file:
        file.seek(-6, os.SEEK_END)
        if file.read(4) != (2).to_bytes(4, "little"):
            raise PeerError(f"{path} doesn't end with its pixel data")
        file.seek(-6, os.SEEK_END)
        file.write(size.to_bytes(4, "little"))
        file.truncate(file.tell() + size)

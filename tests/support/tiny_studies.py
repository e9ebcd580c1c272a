"""An archive of very many very small studies, made the same every time, and told as plain values."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

FIRST = date(2014, 1, 1)
DAYS = 10 * 365
BUSY = date(2019, 3, 4)
"""A day with as many studies as others have in months."""
MODALITIES = ("CT", "MR", "US", "SR")
WORDS = ("CT Thorax", "Thorax pa", "MR Head", "Phantom", "CHEST routine", "Abdomen", "")


@dataclass(frozen=True, slots=True)
class Tiny:
    """One study of one instance, by what is known of it."""

    number: int
    day: date
    time: str
    born: date
    modality: str
    description: str
    institution: str

    @property
    def uid(self) -> str:
        """Study Instance UID."""
        return f"1.2.826.0.1.3680043.8.498.1{self.number:05d}"

    def attributes(self) -> dict[str, str]:
        """Return what an archive tells of it."""
        return {
            "StudyInstanceUID": self.uid,
            "PatientID": f"T{self.number}",
            "PatientName": f"Tiny^{self.number}",
            "PatientBirthDate": f"{self.born:%Y%m%d}",
            "StudyDate": f"{self.day:%Y%m%d}",
            "StudyTime": self.time,
            "AccessionNumber": f"A{self.number}",
            "ModalitiesInStudy": self.modality,
            "StudyDescription": self.description,
            "InstitutionName": self.institution,
            "NumberOfStudyRelatedSeries": "1",
            "NumberOfStudyRelatedInstances": "1",
        }

    def part10(self) -> bytes:
        """Return its instance as a file."""
        data = _template()
        for keyword, value in self.attributes().items():
            if keyword in WIDTHS:
                data = data.replace(_mark(keyword), value.ljust(WIDTHS[keyword]).encode())
        return data.replace(_mark("Modality"), self.modality.ljust(2).encode())


WIDTHS = {
    "StudyInstanceUID": 32,
    "PatientID": 8,
    "PatientName": 12,
    "PatientBirthDate": 8,
    "StudyDate": 8,
    "StudyTime": 6,
    "AccessionNumber": 8,
    "StudyDescription": 16,
    "InstitutionName": 16,
}
_OTHERS = {"Modality": 2}


def _mark(keyword: str) -> bytes:
    """Return what stands for a value in the template: as long as the value may be, and nowhere else."""
    number = list(WIDTHS | _OTHERS).index(keyword)
    return (chr(ord("g") + number) * (WIDTHS | _OTHERS)[keyword]).encode()


@cache
def _template() -> bytes:
    ds = Dataset()
    with disable_value_validation():
        for keyword in (*WIDTHS, *_OTHERS):
            setattr(ds, keyword, _mark(keyword).decode())
        ds.SeriesInstanceUID, ds.SOPInstanceUID = f"{ds.StudyInstanceUID}.1", f"{ds.StudyInstanceUID}.1.1"
        ds.SOPClassUID, ds.SeriesNumber = CTImageStorage, 1
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = (
            CTImageStorage,
            UID(str(ds.SOPInstanceUID)),
        )
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.file_meta = meta
        buffer = io.BytesIO()
        ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def tiny_studies(count: int) -> list[Tiny]:
    """Return so many studies over ten years, an eighth of them on one morning."""
    chance = random.Random(count)  # noqa: S311 - the same every time
    return [_tiny(number, chance, busy=number % 8 == 0) for number in range(1, count + 1)]


def _tiny(number: int, chance: random.Random, *, busy: bool) -> Tiny:
    day = BUSY if busy else FIRST + timedelta(days=chance.randrange(DAYS))
    minute = chance.randrange(7 * 60, 13 * 60) if busy else chance.randrange(24 * 60)
    return Tiny(
        number,
        day,
        f"{minute // 60:02d}{minute % 60:02d}{chance.randrange(60):02d}",
        date(1925, 1, 1) + timedelta(days=chance.randrange(88 * 365)),
        chance.choice(MODALITIES),
        chance.choice(WORDS),
        chance.choice(("Radiology North", "Radiology South", "Elsewhere")),
    )


def zipped(studies: Sequence[Tiny]) -> bytes:
    """Return all instances in one archive, which Orthanc takes at once."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for study in studies:
            archive.writestr(f"{study.number}.dcm", study.part10())
    return buffer.getvalue()

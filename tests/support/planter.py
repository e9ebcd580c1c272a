"""Plant invented people in a data set, in the places where archives have real ones, and look for them again.

Every word is made up and found nowhere else, so whatever turns up in the output was not removed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag

SURNAME, GIVEN, DOCTOR, TOWN = "Vogtmeyeroth", "Xylandrine", "Kwarzinski", "Brunzelstadt"
NATIVE = "渡崎^美弥子"
BORN, STUDIED = "19361102", "20191117"
NUMBERS = {"PatientID": "PX88123407", "AccessionNumber": "AC55017723", "StudyID": "ST90210077"}
NAMES = (
    *("OtherPatientNames", "PatientBirthName", "PatientMotherBirthName", "ResponsiblePerson"),
    *("ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName", "PhysiciansOfRecord"),
    *("RequestingPhysician", "NameOfPhysiciansReadingStudy", "ConsultingPhysicianName"),
)
TEXTS = (
    *("StudyDescription", "SeriesDescription", "ProtocolName", "ImageComments", "PatientComments"),
    *("AdditionalPatientHistory", "StudyComments", "DerivationDescription", "FrameComments", "VisitComments"),
    *("RequestedProcedureDescription", "PerformedProcedureStepDescription", "ReasonForStudy"),
    *("InstitutionName", "InstitutionAddress", "InstitutionalDepartmentName", "PatientAddress"),
    *("CurrentPatientLocation", "AdmissionID", "IssuerOfPatientID", "DeviceSerialNumber"),
    *("MilitaryRank", "RegionOfResidence", "PatientReligiousPreference", "TextComments"),
    *("ContrastBolusAgent", "AcquisitionDeviceProcessingDescription", "ContributionDescription"),
)
SHORT_TEXTS = (
    *("StationName", "RequestedProcedureID", "PerformedProcedureStepID", "PerformedStationAETitle"),
    *("Occupation", "EthnicGroup"),
)
DATES = (
    "SeriesDate",
    "AcquisitionDate",
    "ContentDate",
    "InstanceCreationDate",
    "PerformedProcedureStepStartDate",
)
SEQUENCES = (
    *("OtherPatientIDsSequence", "RequestAttributesSequence", "OriginalAttributesSequence"),
    *("ContributingEquipmentSequence", "AcquisitionContextSequence", "ReferencedStudySequence"),
    *("InstitutionCodeSequence", "ReferringPhysicianIdentificationSequence", "ProcedureCodeSequence"),
)


@dataclass(slots=True)
class Planted:
    """What must not be found in the output."""

    words: set[bytes] = field(default_factory=set[bytes])

    def found_in(self, data: bytes) -> list[bytes]:
        """Return what of it stands in these bytes, in any case."""
        low = data.lower()
        return sorted(word for word in self.words if word.lower() in low)


def plant(data_set: Dataset) -> Planted:
    """Write invented identities over and beside what a data set holds."""
    planted = Planted(
        {word.encode() for word in (SURNAME, GIVEN, DOCTOR, TOWN, BORN, STUDIED, *NUMBERS.values())}
    )
    planted.words |= {part.encode() for part in NATIVE.split("^")}
    marks = _marks(planted)
    data_set.SpecificCharacterSet = "ISO_IR 192"
    _plant_top(data_set, marks)
    for keyword in SEQUENCES:
        setattr(data_set, keyword, Sequence([_item(marks, depth=2)]))
    _plant_private(data_set, marks)
    _plant_odd_places(data_set, marks)
    return planted


def _marks(planted: Planted) -> Iterator[str]:
    for number in count(1):
        mark = f"QX{number:05d}ZK"
        planted.words.add(mark.encode())
        yield mark


def _plant_top(data_set: Dataset, marks: Iterator[str]) -> None:
    data_set.PatientName, data_set.PatientBirthDate, data_set.StudyDate = f"{SURNAME}^{GIVEN}", BORN, STUDIED
    for keyword, number in NUMBERS.items():
        setattr(data_set, keyword, number)
    for keyword in NAMES:
        setattr(data_set, keyword, f"{DOCTOR}^{next(marks)}={NATIVE}")
    for keyword in TEXTS:
        setattr(data_set, keyword, f"{SURNAME} {next(marks)}")
    for keyword in SHORT_TEXTS:
        setattr(data_set, keyword, next(marks))
    for keyword in DATES:
        setattr(data_set, keyword, STUDIED)
    data_set.AcquisitionDateTime = f"{STUDIED}101112.000000+0100"


def _item(marks: Iterator[str], *, depth: int) -> Dataset:
    """Return an item with a person, an order and a place, and one of its kind below it."""
    item = Dataset()
    item.PatientName, item.PatientID = f"{SURNAME}^{next(marks)}", NUMBERS["PatientID"]
    item.InstitutionName = f"{TOWN} {next(marks)}"
    item.AccessionNumber, item.StudyDate = NUMBERS["AccessionNumber"], STUDIED
    item.ScheduledProcedureStepDescription = f"{GIVEN} {next(marks)}"
    item.TextValue = f"{SURNAME} fell {next(marks)}"
    if depth:
        item.RequestedProcedureCodeSequence = Sequence([_item(marks, depth=depth - 1)])
    return item


def _plant_private(data_set: Dataset, marks: Iterator[str]) -> None:
    """Write private blocks of two creators, one of them known as safe in other elements."""
    for group, creator in ((0x0019, "SIEMENS MR HEADER"), (0x0043, f"{DOCTOR} PRIVATE")):
        block = data_set.private_block(group, creator, create=True)
        block.add_new(0xF1, "LO", f"{SURNAME} {next(marks)}")
        block.add_new(0xF2, "OB", f"\0\1name={GIVEN};{next(marks)}".encode().ljust(60, b"\0"))
        block.add_new(0xF3, "SQ", Sequence([_item(marks, depth=0)]))
        block.add_new(0xF4, "UN", next(marks).encode().ljust(20))
    data_set.add_new(0x0013EE10, "LO", next(marks))


def _plant_odd_places(data_set: Dataset, marks: Iterator[str]) -> None:
    """Write into UN elements, overlays, unknown tags and padding."""
    data_set[Tag(0x00102152)] = DataElement(0x00102152, "UN", f"{TOWN} {next(marks)}".encode().ljust(40))
    data_set[Tag(0x0010AAA1)] = DataElement(0x0010AAA1, "UN", next(marks).encode().ljust(20))
    name = f"{SURNAME}^{next(marks)}".encode().ljust(40)
    element = struct.pack("<HHL", 0x0010, 0x0010, len(name)) + name
    hidden = struct.pack("<HHL", 0xFFFE, 0xE000, len(element)) + element
    data_set[Tag(0x0010AAB1)] = DataElement(0x0010AAB1, "UN", hidden)
    data_set.add_new(0x60024000, "LT", f"{SURNAME} {next(marks)}")
    data_set.add_new(0x60021500, "LO", f"{SURNAME} {next(marks)}")
    data_set.add_new(0xFFFCFFFC, "OB", next(marks).encode().ljust(20))

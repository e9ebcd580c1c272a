"""Add images to a DICOMDIR and write it (PS3.3 §F.3): records point at each other by offsets in the file."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

from adit_cli.dicom.attributes import encode_attributes, read_attributes
from adit_cli.dicom.directory import DIRECTORY_CLASS, LEVELS, RECORDS, UNIQUE_KEYS, Record, read_records, walk
from adit_cli.dicom.elements import Element, Encoding, encode, encode_element_header, encoding_of, parse
from adit_cli.dicom.files import part10_header, read_file_meta
from adit_cli.dicom.query import Attributes

_EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
_EXPLICIT = Encoding()
_ROOT_FIRST, _ROOT_LAST = 0x00041200, 0x00041202
_NEXT, _LOWER = 0x00041400, 0x00041420
_IN_USE = 0x00041410
_CONCEPT = 0x0040A043
"""Concept Name Code Sequence: what kind of report it is; records of reports need it (PS3.3 §F.5.23)."""
_COPIED: Mapping[str, tuple[str, ...]] = {
    "PATIENT": ("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    "STUDY": ("StudyDate", "StudyTime", "StudyDescription", "StudyInstanceUID", "StudyID", "AccessionNumber"),
    "SERIES": ("Modality", "SeriesInstanceUID", "SeriesNumber", "SeriesDescription"),
    "": (
        *("InstanceNumber", "ContentDate", "ContentTime", "ImageType", "NumberOfFrames"),
        *("CompletionFlag", "VerificationFlag", "VerificationDateTime"),
        *("PresentationCreationDate", "PresentationCreationTime", "ContentLabel", "ContentDescription"),
        *("ContentCreatorName", "DoseSummationType", "StructureSetLabel", "StructureSetDate"),
        *("StructureSetTime", "RTPlanLabel", "RTPlanDate", "RTPlanTime", "TreatmentDate", "TreatmentTime"),
        *("DocumentTitle", "HL7InstanceIdentifier", "MIMETypeOfEncapsulatedDocument"),
    ),
}
_NEEDED = {
    "PATIENT": {"PatientName": "", "PatientID": ""},
    "STUDY": {
        "StudyDate": "19000101",
        "StudyTime": "000000",
        "StudyDescription": "",
        "StudyID": "1",
        "AccessionNumber": "",
    },
    "SERIES": {"Modality": "OT", "SeriesNumber": "0"},
    "": {"InstanceNumber": "0"},
}
"""What stands in a record where a file has nothing: de-identification empties what is of type 1 here."""
_KINDS = (
    ("KeyObjectSelection", "KEY OBJECT DOC"),
    ("PresentationState", "PRESENTATION"),
    ("Waveform", "WAVEFORM"),
    ("ECG", "WAVEFORM"),
    ("Encapsulated", "ENCAP DOC"),
    ("RTDose", "RT DOSE"),
    ("RTStructureSet", "RT STRUCTURE SET"),
    ("RTPlan", "RT PLAN"),
    ("RTIonPlan", "RT PLAN"),
    ("TreatmentRecord", "RT TREAT RECORD"),
    ("RawData", "RAW DATA"),
    ("Registration", "REGISTRATION"),
    ("SpatialFiducials", "FIDUCIAL"),
    ("MRSpectroscopy", "SPECTROSCOPY"),
    ("RealWorldValue", "VALUE MAP"),
    ("Stereometric", "STEREOMETRIC"),
    ("SurfaceSegmentation", "SURFACE"),
    ("Tractography", "TRACT"),
    ("SR", "SR DOCUMENT"),
    ("RadiationDose", "SR DOCUMENT"),
    ("Report", "SR DOCUMENT"),
    ("ProcedureLog", "SR DOCUMENT"),
)
"""Directory Record Types (PS3.3 §F.4) by what a SOP class is called; all others are images."""


_WITH_CONCEPT = frozenset({"SR DOCUMENT", "KEY OBJECT DOC"})


def with_files(present: bytes, files: Mapping[str, Path], uid: str) -> bytes:
    """Return a DICOMDIR that lists what one listed that was there, and these files by their File IDs.

    The UID is its own. DataError where the one that was there, or a file, is damaged.
    """
    records = read_records(present) if present else {}
    for file_id, path in files.items():
        _add(records, file_id, path)
    return _written(records, uid)


def _add(records: dict[str, Record], file_id: str, path: Path) -> None:
    keywords = {*UNIQUE_KEYS, *(keyword for copied in _COPIED.values() for keyword in copied)}
    values = read_attributes(path, keywords)
    level = records
    for kind, name in zip(LEVELS, UNIQUE_KEYS, strict=True):
        unique = values.get(name, "")
        if unique not in level:
            level[unique] = _record({"DirectoryRecordType": kind, **_picked(values, kind)})
        level = level[unique].below
    meta = read_file_meta(path)
    level[file_id] = _record(
        {
            "DirectoryRecordType": _kind_of(meta.sop_class_uid),
            "ReferencedFileID": file_id.replace("/", "\\"),
            "ReferencedSOPClassUIDInFile": meta.sop_class_uid,
            "ReferencedSOPInstanceUIDInFile": meta.sop_instance_uid,
            "ReferencedTransferSyntaxUIDInFile": meta.transfer_syntax_uid,
            **_picked(values, ""),
        }
    )
    if level[file_id].values["DirectoryRecordType"] in _WITH_CONCEPT:
        _take_concept(level[file_id], path)


def _take_concept(record: Record, path: Path) -> None:
    """Copy what the report is called, as long as no character set is needed to read it."""
    meta = read_file_meta(path)
    elements, _ = parse(path.read_bytes(), encoding_of(meta.transfer_syntax_uid), offset=meta.dataset_offset)
    concept = elements.get(_CONCEPT)
    values = [element.value for item in (concept and concept.items) or () for element in item.values()]
    if concept is not None and all(map(bytes.isascii, values)):
        record.elements[_CONCEPT] = concept


def _kind_of(sop_class_uid: str) -> str:
    from pydicom.uid import UID  # noqa: PLC0415 - slow to load

    name = UID(sop_class_uid).keyword
    return next((kind for part, kind in _KINDS if part in name), "IMAGE")


def _picked(values: Attributes, level: str) -> Attributes:
    return _NEEDED[level] | {keyword: values[keyword] for keyword in _COPIED[level] if values.get(keyword)}


def _record(values: Attributes) -> Record:
    elements, _ = parse(encode_attributes(values, _EXPLICIT_LITTLE), _EXPLICIT)
    elements[_IN_USE] = Element(_IN_USE, "US", struct.pack("<H", 0xFFFF))
    return Record(elements, values)


def _written(records: dict[str, Record], uid: str) -> bytes:
    """Return the file; a record is as long whatever the offsets in it, so that all places are known first."""
    head = part10_header(DIRECTORY_CLASS, uid, _EXPLICIT_LITTLE)
    in_order = list(walk(records))
    for record in in_order:
        record.elements[_NEXT] = _offset(_NEXT, 0)
        record.elements[_LOWER] = _offset(_LOWER, 0)
    start = len(head) + len(_root(0, 0)) + len(encode_element_header(RECORDS, "SQ", 0, _EXPLICIT))
    places: dict[int, int] = {}
    for record in in_order:
        places[id(record)] = start
        start += 8 + len(encode(record.elements, _EXPLICIT))
    first, last = _linked(records, places)
    items = [encode(record.elements, _EXPLICIT) for record in in_order]
    body = b"".join(struct.pack("<HHL", 0xFFFE, 0xE000, len(item)) + item for item in items)
    sequence = encode_element_header(RECORDS, "SQ", len(body), _EXPLICIT)
    return head + _root(first, last) + sequence + body


def _root(first: int, last: int) -> bytes:
    elements = {
        0x00041130: Element(0x00041130, "CS"),
        _ROOT_FIRST: _offset(_ROOT_FIRST, first),
        _ROOT_LAST: _offset(_ROOT_LAST, last),
        0x00041212: Element(0x00041212, "US", struct.pack("<H", 0)),
    }
    return encode(elements, _EXPLICIT)


def _linked(records: dict[str, Record], places: Mapping[int, int]) -> tuple[int, int]:
    """Point each record at the next and at the first below; return where the first and the last stand."""
    chain = list(records.values())
    for record, following in zip(chain, [*chain[1:], None], strict=False):
        record.elements[_NEXT] = _offset(_NEXT, places[id(following)] if following else 0)
        lower, _ = _linked(record.below, places)
        record.elements[_LOWER] = _offset(_LOWER, lower)
    return (places[id(chain[0])], places[id(chain[-1])]) if chain else (0, 0)


def _offset(tag: int, value: int) -> Element:
    return Element(tag, "UL", struct.pack("<L", value))

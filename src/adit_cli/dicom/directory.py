"""A DICOMDIR (PS3.3 Annex F, PS3.10 §8.6): what it says lies on a disc.

A record of each patient, study and series stands above those of the instances, found by their offsets.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from adit_cli.dicom.attributes import decode_attributes
from adit_cli.dicom.elements import (
    ITEM,
    UNDEFINED,
    Elements,
    TruncatedError,
    encoding_of,
    parse,
    read_header,
)
from adit_cli.dicom.files import file_meta_of
from adit_cli.dicom.query import Attributes
from adit_cli.errors import DataError

NAME = "DICOMDIR"
DIRECTORY_CLASS = "1.2.840.10008.1.3.10"
"""Media Storage Directory (PS3.4 Annex B.5): a DICOMDIR lists files and is none to move."""
LEVELS = ("PATIENT", "STUDY", "SERIES")
UNIQUE_KEYS = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID")
RECORDS = 0x00041220
_FIRST = "OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity"
_NEXT, _LOWER = "OffsetOfTheNextDirectoryRecord", "OffsetOfReferencedLowerLevelDirectoryEntity"
_IN_USE = str(0xFFFF)


@dataclass(frozen=True, slots=True)
class Listed:
    """An instance as a DICOMDIR lists it."""

    file: str
    """Its File ID, parts joined by `/`, below the folder of the DICOMDIR; not to be trusted."""
    values: Attributes


@dataclass(slots=True)
class Record:
    """A directory record and those below it, each by what tells it from its neighbours."""

    elements: Elements
    values: Attributes
    below: dict[str, Record] = field(default_factory=dict[str, "Record"])


def listed(content: bytes) -> list[Listed]:
    """Return the instances that a DICOMDIR lists; DataError where it is damaged."""
    found = list(_listed(read_records(content), {}, 0))
    return [one for one in found if one.file]


def _listed(records: dict[str, Record], above: Attributes, depth: int) -> Iterator[Listed]:
    for record in records.values():
        values = {**above, **record.values}
        if depth < len(LEVELS):
            yield from _listed(record.below, values, depth + 1)
            continue
        values["SOPInstanceUID"] = values.get("ReferencedSOPInstanceUIDInFile", "")
        values["SOPClassUID"] = values.get("ReferencedSOPClassUIDInFile", "")
        yield Listed(_file_of(values), values)


def read_records(content: bytes) -> dict[str, Record]:
    """Return the patients of a DICOMDIR with all that is below them; DataError where it is damaged."""
    try:
        meta = file_meta_of(content, NAME)
        by_offset = dict(_records(content, meta.transfer_syntax_uid, meta.dataset_offset))
        root = decode_attributes(content, meta.transfer_syntax_uid, at=meta.dataset_offset)
        return _chain(by_offset, root.get(_FIRST, ""), 0)
    except (struct.error, ValueError) as error:
        raise DataError(f"the {NAME} is damaged") from error


def _records(content: bytes, transfer_syntax_uid: str, at: int) -> Iterator[tuple[int, Record]]:
    """Yield the directory records, each with the offset that others know it by."""
    encoding = encoding_of(transfer_syntax_uid)
    tag, length = 0, 0
    while tag < RECORDS and at < len(content):
        tag, _, length, at = read_header(content, encoding, at)
        at += length if tag != RECORDS else 0
    end = len(content) if length == UNDEFINED else at + length
    if tag != RECORDS or end > len(content):
        raise TruncatedError(f"the {NAME} ends too early")
    while at + 8 <= end:
        group, number, length = struct.unpack_from("<HHL", content, at)
        if group << 16 | number != ITEM:
            return
        start = at + 8
        data = content if length == UNDEFINED else content[: start + length]
        elements, at_end = parse(data, encoding, offset=start)
        yield at, Record(elements, decode_attributes(content[start:at_end], transfer_syntax_uid))
        at = at_end


def _chain(by_offset: dict[int, Record], first: str, depth: int) -> dict[str, Record]:
    """Return the records in a chain of neighbours; each is in one chain only, so that none is met twice."""
    found: dict[str, Record] = {}
    at = int(first or 0)
    while at in by_offset:
        record = by_offset.pop(at)
        at = int(record.values.get(_NEXT) or 0)
        if record.values.get("RecordInUseFlag", _IN_USE) != _IN_USE:
            continue
        if depth < len(LEVELS):
            record.below = _chain(by_offset, record.values.get(_LOWER, ""), depth + 1)
        found[_name(record.values, depth)] = record
    return found


def _name(values: Attributes, depth: int) -> str:
    return values.get(UNIQUE_KEYS[depth], "") if depth < len(LEVELS) else _file_of(values)


def _file_of(values: Attributes) -> str:
    return values.get("ReferencedFileID", "").replace("\\", "/")


def walk(records: dict[str, Record]) -> Iterator[Record]:
    """Yield all records, each before those below it."""
    for record in records.values():
        yield record
        yield from walk(record.below)

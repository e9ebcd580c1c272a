"""Look through a folder for DICOM files, whatever they are called. Nothing is kept of pixel data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from adit_cli.dicom.attributes import read_attributes
from adit_cli.dicom.directory import DIRECTORY_CLASS, NAME, Listed, listed
from adit_cli.dicom.files import read_file_meta
from adit_cli.dicom.query import Attributes
from adit_cli.errors import DataError
from adit_cli.nodes.archive import is_archive
from adit_cli.nodes.below import files_below, shown_below
from adit_cli.nodes.measure import LockedError
from adit_cli.nodes.nested import InnerError, Opening, TooDeepError
from adit_cli.nodes.packed import DirectoryFoundError, NotAnImageError, Place, look_into

PATIENT_KEYS = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "IssuerOfPatientID")
STUDY_KEYS = (
    "StudyInstanceUID",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "StudyDescription",
    "AccessionNumber",
    "PatientAge",
    "ReferringPhysicianName",
    "InstitutionName",
)
SERIES_KEYS = (
    "SeriesInstanceUID",
    "Modality",
    "SeriesNumber",
    "SeriesDescription",
    "SeriesDate",
    "SeriesTime",
    "BodyPartExamined",
    "ProtocolName",
)
IMAGE_KEYS = ("SOPInstanceUID", "SOPClassUID", "InstanceNumber")
_INDEXED = (*PATIENT_KEYS, *STUDY_KEYS, *SERIES_KEYS, *IMAGE_KEYS)
PLAIN = Opening()
_NEEDED = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


@dataclass(slots=True)
class FoundInstance:
    """One SOP instance and the files that claim to be it, some of them in archives."""

    uid: str
    sop_class_uid: str
    number: str
    places: list[Place]


@dataclass(slots=True)
class FoundSeries:
    """One series as its first file describes it."""

    attributes: Attributes
    instances: dict[str, FoundInstance] = field(default_factory=dict[str, FoundInstance])


@dataclass(slots=True)
class FoundStudy:
    """One study of one patient as its first file describes it."""

    attributes: Attributes
    series: dict[str, FoundSeries] = field(default_factory=dict[str, FoundSeries])


@dataclass(slots=True)
class Scan:
    """What a folder holds; two patients under one study UID are two studies, for the caller to notice."""

    root: Path
    studies: dict[tuple[str, str, str], FoundStudy] = field(
        default_factory=dict[tuple[str, str, str], FoundStudy]
    )
    skipped: int = 0
    """Files that are not DICOM."""
    nested: list[str] = field(default_factory=list[str])
    """Archives that lie in too many others."""
    locked: list[str] = field(default_factory=list[str])
    """Archives that are encrypted, relative to the root, and what is wrong with our password."""
    missing: list[str] = field(default_factory=list[str])
    """Files that a DICOMDIR names and that are not there, relative to the root."""
    broken: list[str] = field(default_factory=list[str])
    """Files that are or may be DICOM and cannot be read, relative to the root."""
    closed: list[str] = field(default_factory=list[str])
    """Folders that cannot be looked into, relative to the root."""


def scan(root: Path, opening: Opening = PLAIN) -> Scan:
    """Return what lies below a folder; raises OSError where the folder itself cannot be read.

    A DICOMDIR stands for its folder, and an archive, or another file, for itself.
    """
    if root.is_file():
        root, alone = root.parent, root
        return scan(root, opening) if alone.name.upper() == NAME else _scanned(root, [alone], opening)
    closed: list[Path] = []
    found = _scanned(root, files_below(root, closed.append), opening)
    found.closed += [shown_below(folder, root) for folder in closed]
    return found


def _scanned(root: Path, paths: Iterable[Path], opening: Opening) -> Scan:
    found = Scan(root)
    named: list[tuple[Path, Listed]] = []
    for path in paths:
        try:
            if is_archive(path) and path.is_file():
                named += _look_through(found, path, opening)
            else:
                named += _look_at(found, path)
        except OSError as error:
            found.broken.append(f"{shown_below(path, root)} ({error.strerror or 'cannot be read'})")
        except DataError:
            found.broken.append(shown_below(path, root))
    _compare(found, named)
    return found


def _look_at(found: Scan, path: Path) -> Iterator[tuple[Path, Listed]]:
    """Take in a file; yields what it names where it is a DICOMDIR."""
    path.stat()  # a link to nowhere is no file for `is_file`, and nothing that may be passed over
    if not path.is_file() or not says_dicom(path):
        found.skipped += 1
    elif _is_directory(path):
        found.skipped += 1
        yield from _named(found, path.parent, shown_below(path, found.root), path.read_bytes())
    else:
        _take(found, read_attributes(path, _INDEXED), Place(path))


def _look_through(found: Scan, archive: Path, opening: Opening) -> Iterator[tuple[Path, Listed]]:
    """Look at each file in an archive; where it breaks off, what came before counts."""
    try:
        for place, values in look_into(archive, _INDEXED, opening):
            if isinstance(values, DirectoryFoundError):
                found.skipped += 1
                yield from _named(found, archive, place.shown(found.root), values.content)
            elif isinstance(values, DataError):
                _leave_aside(found, place, values)
            else:
                _take(found, values, place)
    except DataError as error:
        _leave_aside(found, Place(archive), error)


def _leave_aside(found: Scan, place: Place, error: DataError) -> None:
    """Take note of an archive, or a file in one, that cannot be used."""
    shown = place.shown(found.root)
    match error:
        case NotAnImageError():
            found.skipped += 1
        case TooDeepError():
            found.skipped += 1
            found.nested.append(shown)
        case LockedError():
            found.locked.append(f"{shown} ({_fact(place, error)})")
        case _ if isinstance(error, InnerError) or not place.inside:
            found.broken.append(f"{shown} ({_fact(place, error)})")
        case _:
            found.broken.append(shown)


def _fact(place: Place, error: DataError) -> str:
    return error.message.removeprefix(place.path.name).strip()


def _named(found: Scan, folder: Path, shown: str, content: bytes) -> Iterator[tuple[Path, Listed]]:
    try:
        yield from ((folder, one) for one in listed(content))
    except DataError:
        found.broken.append(shown)


def _compare(found: Scan, named: Iterable[tuple[Path, Listed]]) -> None:
    """Note what a DICOMDIR names and no file is.

    Of a study that is there in part it is listed, and missed when it does not come.
    """
    studies = {study_uid for study_uid, _, _ in found.studies}
    series = [one for study in found.studies.values() for one in study.series.values()]
    there = {uid for one in series for uid in one.instances}
    for folder, one in named:
        if one.values["SOPInstanceUID"] in there:
            continue
        shown = "/".join((*folder.relative_to(found.root).parts, one.file))
        found.missing.append("".join(filter(str.isprintable, shown)))
        if one.values.get("StudyInstanceUID") in studies and all(map(one.values.get, _NEEDED)):
            _add(found, one.values, Place(folder, absent=True))
            there.add(one.values["SOPInstanceUID"])


def _take(found: Scan, values: Attributes, place: Place) -> None:
    if all(values.get(keyword) for keyword in _NEEDED):
        _add(found, values, place)
    else:
        found.broken.append(place.shown(found.root))


def _is_directory(path: Path) -> bool:
    return read_file_meta(path).sop_class_uid == DIRECTORY_CLASS


def says_dicom(path: Path) -> bool:
    """Return whether a file has the mark of a DICOM file behind its preamble (PS3.10 §7.1)."""
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def _add(found: Scan, values: Attributes, place: Place) -> None:
    key = (values["StudyInstanceUID"], values.get("IssuerOfPatientID", ""), values.get("PatientID", ""))
    study = found.studies.get(key)
    if study is None:
        study = found.studies[key] = FoundStudy(_pick(values, (*PATIENT_KEYS, *STUDY_KEYS)))
    series = study.series.get(values["SeriesInstanceUID"])
    if series is None:
        series = study.series[values["SeriesInstanceUID"]] = FoundSeries(_pick(values, SERIES_KEYS))
    uid = values["SOPInstanceUID"]
    if uid in series.instances:
        series.instances[uid].places.append(place)
    else:
        series.instances[uid] = FoundInstance(
            uid, values.get("SOPClassUID", ""), values.get("InstanceNumber", ""), [place]
        )


def _pick(values: Attributes, keywords: tuple[str, ...]) -> Attributes:
    return {keyword: values.get(keyword, "") for keyword in keywords}

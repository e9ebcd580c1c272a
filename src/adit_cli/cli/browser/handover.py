"""Hand over what was marked in the browser: as UIDs, as a cohort, as a job, or to be fetched at once.

Files are for their owner only: they name patients.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from adit_cli.cli.browser.listing import Mark
from adit_cli.dicom.patterns import TextRule
from adit_cli.dicom.query import Attributes, Level
from adit_cli.errors import UsageError
from adit_cli.nodes.base import Source
from adit_cli.nodes.storage import PRIVATE_FILE, storage_errors
from adit_cli.tasks.lookup import Lookup, look_up

COHORT = {
    "patient_id": "PatientID",
    "study_uid": "StudyInstanceUID",
    "series_uid": "SeriesInstanceUID",
    "study_date": "StudyDate",
    "modality": "ModalitiesInStudy",
    "accession_number": "AccessionNumber",
}
_ASKED = ("PatientID", "StudyDate", "ModalitiesInStudy", "AccessionNumber")
_NOT_A_NAME = re.compile(r"[^A-Za-z0-9_.-]+")


class Purpose(StrEnum):
    """What may be done with what is marked."""

    UIDS = "uids"
    COHORT = "cohort"
    JOB = "job"
    TRANSFER = "transfer"
    GET = "get"


WORDS = {
    Purpose.UIDS: "Print the Study Instance UIDs and leave",
    Purpose.COHORT: "Write a cohort, a CSV file with a row for each study or series",
    Purpose.JOB: "Write a job file, and the cohort beside it",
    Purpose.TRANSFER: "Write a job file and run it at once, as `adit transfer` does",
    Purpose.GET: "Fetch into a folder at once, unchanged, as `adit get` does",
}


@dataclass(frozen=True, slots=True)
class HandOver:
    """What the user decided."""

    purpose: Purpose
    path: Path
    destination: str
    rows: tuple[Attributes, ...]

    @property
    def study_uids(self) -> list[str]:
        """Each study once."""
        return list(dict.fromkeys(row["StudyInstanceUID"] for row in self.rows))


def rows_of(source: Source, marks: Sequence[Mark]) -> tuple[Attributes, ...]:
    """Return a row for each marked study or series; those of patients are looked up.

    A series of a study that is marked as a whole is in it already.
    """
    whole: dict[str, Attributes] = {}
    for mark in marks:
        whole |= {one["StudyInstanceUID"]: one for one in _studies_of(source, mark)}
    parts = [mark.attributes for mark in marks if mark.level is Level.SERIES]
    return (*whole.values(), *(part for part in parts if part["StudyInstanceUID"] not in whole))


def _studies_of(source: Source, mark: Mark) -> Iterator[Attributes]:
    if mark.level is Level.STUDY:
        yield {name: value for name, value in mark.attributes.items() if name != "SeriesInstanceUID"}
    if mark.level is Level.PATIENT:
        rules = {"PatientID": TextRule((mark.attributes["PatientID"],))}
        yield from look_up(source, Lookup(Level.STUDY, rules, _ASKED))


def write_cohort(path: Path, rows: Iterable[Attributes]) -> None:
    """Write a cohort that jobs can read; UsageError where the file is there already or cannot be written."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COHORT)
    writer.writerows([row.get(keyword, "").replace("\\", " ") for keyword in COHORT.values()] for row in rows)
    _write(path, text.getvalue())


def write_job(path: Path, node: tuple[str, str], destination: str, rows: Sequence[Attributes]) -> None:
    """Write a job and its cohort; `node` is the source's name and what the job has to say of its address."""
    name, address = node
    cohort = path.with_suffix(".csv")
    write_cohort(cohort, rows)
    lines = [
        "adit: 1",
        f"name: {json.dumps(_NOT_A_NAME.sub('-', path.stem).strip('-.') or 'marked')}",
        *(["nodes:", *_nodes(address, destination)] if address or _address(destination) else []),
        f"source: {json.dumps('source' if address else name)}",
        f"destinations: [{json.dumps('destination' if _address(destination) else destination)}]",
        f"select: {{studies: {{cohort: {{file: {json.dumps(cohort.name)}}}}}}}",
        "# pseudonyms, deidentify: see `adit check` for what is done to the images as it stands",
    ]
    _write(path, "\n".join(lines) + "\n")


def _nodes(address: str, destination: str) -> Iterator[str]:
    if address:
        yield f"  source: {address}"
    if _address(destination):
        yield f"  destination: {_address(destination)}"


def address_of(text: str) -> str:
    """Return how a job file writes an address: AET@host:port, a URL or a folder; empty for a node's name."""
    return _address(text)


def _address(text: str) -> str:
    if text.startswith(("http://", "https://")):
        return f"{{dicomweb: {json.dumps(text)}}}"
    if "@" in text:
        return f"{{dimse: {json.dumps(text)}}}"
    if "/" in text or text.startswith("."):
        return f"{{folder: {json.dumps(str(Path(text).expanduser().absolute()))}}}"
    return ""


def _write(path: Path, text: str) -> None:
    if path.exists():
        raise UsageError(f"{path} is there already", hint="give another name")
    with storage_errors(str(path), UsageError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)

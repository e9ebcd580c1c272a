"""De-identify files on disk, many at a time. Every file that is left out is named with its reason.

Nothing of a patient is in the name of what is written: `<pseudonym>/<new study UID>/<new instance UID>.dcm`.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from adit_cli.deid.explain import Explained, explain_file
from adit_cli.deid.files import deidentify_file
from adit_cli.deid.profile import Profile, compile_profile
from adit_cli.deid.spec import DeidSpec
from adit_cli.dicom.attributes import read_attributes
from adit_cli.errors import DataError, DeidError, Reason, UsageError
from adit_cli.jobfile.job import Pseudonyms
from adit_cli.nodes.archive import is_archive
from adit_cli.nodes.layout import safe_name
from adit_cli.nodes.opened_archives import OpenedArchives
from adit_cli.nodes.scan import files_below
from adit_cli.nodes.storage import make_private, same_content, storage_errors
from adit_cli.tasks.pseudonyms import Patient, Person, assign

FEW = 40
"""Up to so many files are done here: starting processes would take longer."""
CHUNK = 8
IDENTITY = ("PatientID", "IssuerOfPatientID", "PatientName", "StudyInstanceUID")


@dataclass(frozen=True, slots=True)
class Rules:
    """How files are changed."""

    spec: DeidSpec
    key: bytes = field(repr=False)
    pseudonyms: Pseudonyms
    trial: tuple[str, str] = ("", "")

    def compiled(self) -> Profile:
        """Return the rules as files are put through them."""
        return compile_profile(self.spec, self.key, trial=self.trial)


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was de-identified."""

    source: Path
    target: Path
    size: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that was not written, and why."""

    source: Path
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class _Item:
    """A file and what its patient is called from now on."""

    source: Path
    pseudonym: str
    folder: Path


def deidentify(
    paths: Iterable[Path | LeftOut], folder: Path, rules: Rules, *, processes: int | None = None
) -> Generator[Written | LeftOut]:
    """Yield what becomes of each file; UsageError where a pseudonym is missing or contradicts another.

    What is left out already, such as an archive that cannot be read, is told again.
    """
    known, left_out = _look_at(paths)
    yield from left_out
    pseudonyms = assign(rules.pseudonyms, _people(known), rules.key, {})
    with storage_errors(str(folder), UsageError):
        make_private(folder)
    items = [_Item(path, pseudonyms[_patient(values)], folder) for path, values in known.items()]
    yield from _each(items, rules, processes or os.cpu_count() or 1)


def explain(path: Path, rules: Rules) -> list[Explained]:
    """Return what the rules would change in a file, element by element."""
    with storage_errors(str(path), UsageError):
        values = read_attributes(path, IDENTITY)
        pseudonyms = assign(rules.pseudonyms, _people({path: values}), rules.key, {})
        return explain_file(path, rules.compiled(), pseudonyms[_patient(values)])


def files_of(paths: Iterable[Path], archives: OpenedArchives) -> Iterator[Path | LeftOut]:
    """Return the files that are named, those in the folders that are, and what archives hold."""
    for path in paths:
        if not path.exists():
            raise UsageError(f"there is no file or folder {path}")
        with storage_errors(str(path), UsageError):
            for file in files_below(path) if path.is_dir() else (path,):
                yield from _opened(file, archives) if is_archive(file) else (file,)


def _opened(archive: Path, archives: OpenedArchives) -> Iterator[Path | LeftOut]:
    try:
        yield from archives.files(archive)
    except DataError as error:
        yield LeftOut(archive, error.reason, error.message)


def _look_at(paths: Iterable[Path | LeftOut]) -> tuple[dict[Path, dict[str, str]], list[LeftOut]]:
    known: dict[Path, dict[str, str]] = {}
    left_out: list[LeftOut] = []
    for path in paths:
        if isinstance(path, LeftOut):
            left_out.append(path)
            continue
        try:
            known[path] = read_attributes(path, IDENTITY)
        except DataError as error:
            left_out.append(LeftOut(path, error.reason, error.message))
    return known, left_out


def _patient(values: dict[str, str]) -> Patient:
    issuer, patient_id = values.get("IssuerOfPatientID", "").strip(), values.get("PatientID", "").strip()
    return issuer, patient_id or f"study {values.get('StudyInstanceUID', '')}"


def _people(known: dict[Path, dict[str, str]]) -> list[Person]:
    people: dict[Patient, Person] = {}
    for path, values in known.items():
        person = people.setdefault(_patient(values), Person(_patient(values), str(path)))
        person.names |= {values.get("PatientName", "")} - {""}
    return list(people.values())


def _each(items: Sequence[_Item], rules: Rules, processes: int) -> Iterator[Written | LeftOut]:
    if len(items) <= FEW or processes == 1:
        profile = rules.compiled()
        yield from (_one(item, profile) for item in items)
        return
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, spawn, initializer=_prepare, initargs=(rules,)) as pool:
        yield from pool.map(_one_prepared, items, chunksize=CHUNK)


_profiles: list[Profile] = []
"""The rules of this worker process, compiled once."""


def _prepare(rules: Rules) -> None:
    _profiles[:] = [rules.compiled()]


def _one_prepared(item: _Item) -> Written | LeftOut:
    return _one(item, _profiles[0])


def _one(item: _Item, profile: Profile) -> Written | LeftOut:
    try:
        with _draft(item.folder) as draft:
            result = deidentify_file(item.source, draft, profile, item.pseudonym)
            names = (item.pseudonym, result.study_uid, f"{result.sop_instance_uid}.dcm")
            return _file(item, draft, item.folder.joinpath(*map(safe_name, names)), result.size)
    except (DataError, DeidError) as error:
        return LeftOut(item.source, error.reason, error.message)


@contextmanager
def _draft(folder: Path) -> Generator[Path]:
    """Lend a name in the folder that nobody mistakes for a result."""
    with storage_errors(str(folder), UsageError):
        descriptor, name = tempfile.mkstemp(suffix=".part", prefix=".adit-", dir=folder)
        os.close(descriptor)
        try:
            yield Path(name)
        finally:
            Path(name).unlink(missing_ok=True)


def _file(item: _Item, draft: Path, target: Path, size: int) -> Written | LeftOut:
    """Put the result in its place; what is there already is never written over by something else."""
    make_private(target.parent)
    if target.exists() and not same_content(draft, target):
        return LeftOut(item.source, Reason.MISMATCH, f"{target} is there already and differs")
    draft.replace(target)
    return Written(item.source, target, size)

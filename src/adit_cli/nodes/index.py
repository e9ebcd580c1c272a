"""What a source folder holds, written down for the workers of one run, so that only the first looks.

It names patients: only its owner can read it, and it is gone when the run ends.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeAlias, cast

from adit_cli.dicom.query import Attributes
from adit_cli.nodes.packed import Place
from adit_cli.nodes.scan import FoundInstance, FoundSeries, FoundStudy, Scan
from adit_cli.nodes.storage import PRIVATE_FILE, make_private

_Places: TypeAlias = list[tuple[str, list[int], bool]]
_Instances: TypeAlias = list[tuple[str, str, str, _Places]]
_Series: TypeAlias = list[tuple[Attributes, _Instances]]
_Studies: TypeAlias = list[tuple[list[str], Attributes, _Series]]
_Named: TypeAlias = tuple[list[str], list[str], list[str], list[str], list[str]]
_Written: TypeAlias = tuple[str, _Studies, int, _Named]


@contextmanager
def fresh_index(folder: Path) -> Generator[None]:
    """Keep a folder for the indexes of a run for the `with` block; what a dead run left is removed."""
    shutil.rmtree(folder, ignore_errors=True)
    make_private(folder)
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def indexed(root: Path, folder: Path | None, look: Callable[[Path], Scan], node: str = "") -> Scan:
    """Return what `look` finds below a root, or what another process of the run has written of it.

    Another node may have the same root and another password for its archives.
    """
    if folder is None or not folder.is_dir():
        return look(root)
    name = hashlib.sha256(os.fsencode(f"{node}\0{root.absolute()}")).hexdigest()[:32]
    descriptor = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            return _read(folder / f"{name}.json")
        found = look(root)
        _write(found, folder / f"{name}.json")
    finally:
        os.close(descriptor)
    return found


def _write(found: Scan, target: Path) -> None:
    studies = [
        (
            list(key),
            study.attributes,
            [
                (one.attributes, [_instance(instance, found.root) for instance in one.instances.values()])
                for one in study.series.values()
            ],
        )
        for key, study in found.studies.items()
    ]
    named = (found.nested, found.locked, found.missing, found.broken, found.closed)
    written: _Written = (str(found.root), studies, found.skipped, named)
    draft = target.with_suffix(".part")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, PRIVATE_FILE)
    with os.fdopen(descriptor, "w", encoding="ascii") as output:
        json.dump(written, output)
    draft.rename(target)


def _instance(one: FoundInstance, root: Path) -> tuple[str, str, str, _Places]:
    places = [(str(place.path.relative_to(root)), list(place.inside), place.absent) for place in one.places]
    return one.uid, one.sop_class_uid, one.number, places


def _read(source: Path) -> Scan:
    below, studies, skipped, named = cast("_Written", json.loads(source.read_bytes()))
    root = Path(below)
    found = Scan(root, {}, skipped, *named)
    for (study_uid, issuer, patient_id), attributes, all_series in studies:
        study = found.studies[study_uid, issuer, patient_id] = FoundStudy(attributes)
        for of_series, instances in all_series:
            series = study.series[of_series["SeriesInstanceUID"]] = FoundSeries(of_series)
            for uid, sop_class_uid, number, places in instances:
                where = [Place(root / path, tuple(inside), absent) for path, inside, absent in places]
                series.instances[uid] = FoundInstance(uid, sop_class_uid, number, where)
    return found

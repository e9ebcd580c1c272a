"""The series of a study, and the volumes that were made of them: what belongs together, and where it goes."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import cast

from adit_cli.counting import count
from adit_cli.dicom.query import Attributes
from adit_cli.nodes.dcm2niix import NAME, Converted
from adit_cli.nodes.layout import Layout, apart, set_apart
from adit_cli.nodes.staging import Staged, Waiting
from adit_cli.nodes.storage import PRIVATE_FILE

VOLUME = ".nii"
SIDECAR = ".json"


@dataclass(frozen=True, eq=False, slots=True)
class Series:
    """The images of one series, in the order of their numbers."""

    uid: str
    files: Mapping[str, Staged]

    @classmethod
    def of(cls, staged: Mapping[str, Staged]) -> list[Series]:
        """Return the series among these files."""
        found: dict[tuple[str, str], dict[str, Staged]] = defaultdict(dict)
        for uid, file in sorted(staged.items(), key=_order):
            key = (file.values.get("StudyInstanceUID", ""), file.values.get("SeriesInstanceUID", ""))
            found[key][uid] = file
        return [cls(uid, files) for (_, uid), files in found.items()]

    @property
    def values(self) -> Attributes:
        """What the first image says of itself."""
        return next(iter(self.files.values())).values

    @property
    def modality(self) -> str:
        """Its modality, in capitals."""
        return self.values.get("Modality", "").strip().upper()

    def __str__(self) -> str:
        number = self.values.get("SeriesNumber", "").strip()
        shown = f"{number} " if number.isdecimal() else ""
        modality = self.modality if self.modality.isalnum() else "no modality"
        return f"series {shown}({modality}, {self.uid})"

    def move_to(self, folder: Path) -> None:
        """Bring the images into a folder that holds nothing else."""
        for file in self.files.values():
            file.path = file.path.rename(folder / file.path.name)

    def discard(self) -> None:
        """Remove the images, which have served."""
        for file in self.files.values():
            file.path.unlink()


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a series."""

    count: int
    problem: str = ""
    """Why a person should look at it."""


class Volumes:
    """Volumes and what goes with each, held in the place where their images waited."""

    def __init__(self, waiting: Waiting, root: Path, layout: Layout) -> None:
        self._waiting = waiting
        self._root = root
        self._layout = layout
        self._made: dict[str, Made] = {}
        self._names: dict[str, list[str]] = defaultdict(list)
        self.staged: dict[str, Staged] = {}

    @property
    def folder(self) -> Path:
        """Where they lie."""
        return self._waiting.folder

    def take(self, series: Series, converted: Converted) -> None:
        """Take what was made of a series, and put into each sidecar what it was made of."""
        key = _key(series)
        problems: list[str] = []
        if converted.images < len(series.files) or not converted.whole:
            problems.append(f"holds only {converted.images} of {count(len(series.files), 'image')}")
        by_volume = _by_volume(converted.outputs)
        volumes = sum(any(end.startswith(VOLUME) for end in files) for files in by_volume.values())
        for which, files in by_volume.items():
            made = self.folder / f"{len(self.staged)}{SIDECAR}"
            if not _describe(files, series.values, made):
                problems.append("a sidecar could not be read and was made anew")
            for ending, path in files.items():
                path.chmod(PRIVATE_FILE)
                stem = f"{key}{which}"
                self.staged[stem + ending] = Staged(path, series.values, stem, ending)
                self._names[key].append(stem + ending)
        self._made[key] = Made(volumes, " and ".join(dict.fromkeys(problems)))

    def names_of(self, series: Series) -> Sequence[str]:
        """Return what the files of a series answer to."""
        return self._names[_key(series)]

    def made_of(self, series: Series) -> Made:
        """Return what became of a series that was converted."""
        return self._made[_key(series)]

    def places(self) -> dict[str, PurePosixPath]:
        """Return where each file goes; those of one volume differ only in their ending.

        What is there of another series keeps its name.
        """
        stems: dict[str, PurePosixPath] = {}
        modalities = {image.values.get("Modality", "") for image in self._waiting.staged.values()}
        for staged in self.staged.values():
            place = self._layout.place(staged.values, modalities)
            which = staged.stem.removeprefix(_key_of(staged.values))
            stems[staged.stem] = place.with_name(f"{place.name}{which}{VOLUME}")
        free = set_apart(stems)
        values = {staged.stem: staged.values for staged in self.staged.values()}
        free = {
            stem: apart(place, stem) if self._is_of_another(place, values[stem]) else place
            for stem, place in free.items()
        }
        return {name: _ending_in(free[staged.stem], staged.suffix) for name, staged in self.staged.items()}

    def _is_of_another(self, place: PurePosixPath, values: Attributes) -> bool:
        """Return whether a place is taken, by what its sidecar says, by another series than this one."""
        sidecar = self._root / _ending_in(place, SIDECAR)
        if not sidecar.exists():
            return (self._root / _ending_in(place, f"{VOLUME}.gz")).exists()
        there = _read(sidecar) or {}
        return any(there.get(keyword) != value for keyword, value in _origin(values))


def _order(item: tuple[str, Staged]) -> tuple[int, int, str]:
    uid, file = item
    return _number(file.values, "SeriesNumber"), _number(file.values, "InstanceNumber"), uid


def _number(values: Attributes, keyword: str) -> int:
    value = values.get(keyword, "").strip()
    return int(value) if value.isascii() and value.isdecimal() else 0


def _key(series: Series) -> str:
    return _key_of(series.values)


def _key_of(values: Attributes) -> str:
    return f"{values.get('StudyInstanceUID', '')} {values.get('SeriesInstanceUID', '')}"


def _ending_in(place: PurePosixPath, ending: str) -> PurePosixPath:
    return place.with_name(place.name.removesuffix(VOLUME) + ending)


def _by_volume(outputs: Sequence[Path]) -> dict[str, dict[str, Path]]:
    """Return the files of each volume by their endings; `_e2` and the like tell volumes of a series apart."""
    found: dict[str, dict[str, Path]] = defaultdict(dict)
    for path in outputs:
        which, _, ending = path.name.removeprefix(NAME).partition(".")
        found[which][f".{ending}"] = path
    return found


def _describe(files: dict[str, Path], values: Attributes, made: Path) -> bool:
    """Add study, series and pseudonym to a sidecar; return whether there was none, or it could be read."""
    known = _read(files[SIDECAR]) if SIDECAR in files else {}
    text = json.dumps({**(known or {}), **dict(_identity(values))}, indent=2, ensure_ascii=False)
    files.setdefault(SIDECAR, made).write_text(f"{text}\n", "utf-8")
    return known is not None


def _read(path: Path) -> dict[str, object] | None:
    try:
        found: object = json.loads(path.read_text("utf-8", errors="replace"), strict=False)
    except ValueError:
        return None
    return cast("dict[str, object]", found) if isinstance(found, dict) else None


def _origin(values: Attributes) -> Iterator[tuple[str, str]]:
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID"):
        if values.get(keyword):
            yield keyword, values[keyword]


def _identity(values: Attributes) -> Iterator[tuple[str, str]]:
    """Yield what tells where a volume comes from; the patient only where a pseudonym stands for them."""
    yield from _origin(values)
    if values.get("PatientIdentityRemoved", "").strip().upper() == "YES" and values.get("PatientID"):
        yield "PatientID", values["PatientID"]

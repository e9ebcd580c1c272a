"""One study on its way into a folder: kept aside until it is whole, then filed as one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Protocol

from adit_cli.dicom.attributes import read_attributes
from adit_cli.dicom.query import Attributes
from adit_cli.errors import DataError, Reason
from adit_cli.nodes.aside import Aside
from adit_cli.nodes.base import Delivered, Ready
from adit_cli.nodes.layout import Layout, set_apart
from adit_cli.nodes.storage import storage_errors, take_private

_ALWAYS = frozenset({"StudyInstanceUID", "SeriesInstanceUID", "PatientID", "Modality"})


@dataclass(slots=True)
class Staged:
    """A file that waits for its study, and what the layout needs to know of it."""

    path: Path
    values: Attributes
    stem: str
    """What it is, where its name must not say more; files that belong together share it."""
    suffix: str = ".dcm"


class Held(Protocol):
    """The files of one study that are ready to be filed, by what they answer to."""

    staged: dict[str, Staged]

    @property
    def folder(self) -> Path:
        """Where they lie; whatever else is put here goes with them."""
        ...

    def places(self) -> dict[str, PurePosixPath]:
        """Return where each file goes by the layout, every file to another place."""
        ...


class Filing(Protocol):
    """What brings files to where they belong in a folder."""

    def prepare(self) -> None:
        """Make sure that the folder can be written to; NodeError where it cannot."""
        ...

    def file(self, held: Held) -> list[Delivered]:
        """Bring all of them there as one, and wait until they are on the disk itself."""
        ...


class Waiting:
    """The files of one study in a corner of the destination, until all of them are there."""

    def __init__(
        self, name: str, root: Path, layout: Layout, task_key: str, *, asked: Iterable[str] = ()
    ) -> None:
        self._name = name
        self._layout = layout
        self._asked = layout.keywords | _ALWAYS | set(asked)
        self._numbers = count()
        self.staged: dict[str, Staged] = {}
        with storage_errors(name):
            self._aside = Aside(root, task_key)

    @property
    def folder(self) -> Path:
        """Where they wait; whatever else is put here goes with them."""
        return self._aside.folder

    def add(self, files: Sequence[Ready]) -> list[Delivered]:
        """Take the files aside; returns those that cannot be read."""
        with storage_errors(self._name):
            answers = [self._take(file) for file in files]
        return [answer for answer in answers if answer is not None]

    def places(self) -> dict[str, PurePosixPath]:
        """Return where each file goes by the layout, every file to another place."""
        modalities = {staged.values.get("Modality", "") for staged in self.staged.values()}
        return set_apart(
            {uid: self._layout.place(staged.values, modalities) for uid, staged in self.staged.items()}
        )

    def close(self) -> None:
        """Remove what still waits."""
        self._aside.close()

    def _take(self, file: Ready) -> Delivered | None:
        if file.uid in self.staged:
            return None
        target = self.folder / str(next(self._numbers))
        take_private(file.path, target, spooled=file.spooled)
        try:
            values = read_attributes(target, self._asked)
        except DataError as error:
            return Delivered(file.uid, accepted=False, reason=Reason.REJECTED, message=error.message)
        self.staged[file.uid] = Staged(target, values, file.uid)
        return None


class StagedDelivery:
    """A `Delivery` that files a study when all of it is there."""

    def __init__(self, waiting: Waiting, filing: Filing) -> None:
        self._waiting = waiting
        self._filing = filing

    def add(self, files: Sequence[Ready]) -> list[Delivered]:
        """Take the files aside; whether they fit shows when the study is whole."""
        return self._waiting.add(files)

    def finish(self) -> list[Delivered]:
        """File the study."""
        told = self._filing.file(self._waiting)
        self.abandon()
        return told

    def abandon(self) -> None:
        """Remove what is still aside."""
        self._waiting.close()

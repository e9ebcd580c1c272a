"""Where in its folder a receiver puts an instance, and whether it takes it at all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import Protocol

from adit_cli.dicom.query import Attributes
from adit_cli.nodes.layout import Layout


class Shelf(Protocol):
    """Names the place of an instance whose UIDs are valid."""

    @property
    def keywords(self) -> Sequence[str]:
        """What it must know of the instance besides its UIDs."""
        ...

    def place(self, values: Attributes) -> PurePosixPath | None:
        """Return where it goes, relative to the folder; None where nobody wants it."""
        ...


class ByUid:
    """`<StudyInstanceUID>/<SOPInstanceUID>.dcm`."""

    keywords: Sequence[str] = ()

    def place(self, values: Attributes) -> PurePosixPath | None:
        """Return where it goes."""
        return PurePosixPath(values["StudyInstanceUID"], f"{values['SOPInstanceUID']}.dcm")


class ByLayout:
    """As a template says. `{Modalities}` is the file's own: what else the study has is not known yet."""

    def __init__(self, template: str) -> None:
        self._layout = Layout(template)
        self.keywords: Sequence[str] = (*sorted(self._layout.keywords), "Modality")

    def place(self, values: Attributes) -> PurePosixPath | None:
        """Return where it goes."""
        return self._layout.place(values, (values.get("Modality", ""),))


class ForMoves(ByUid):
    """By UID, and only of studies that somebody is waiting for."""

    def __init__(self, expects: Callable[[str], bool]) -> None:
        self._expects = expects

    def place(self, values: Attributes) -> PurePosixPath | None:
        """Return where it goes, if its study was asked for."""
        return super().place(values) if self._expects(values["StudyInstanceUID"]) else None


def beside(place: PurePosixPath, uid: str) -> PurePosixPath:
    """Return a place for an instance whose own is taken by another one."""
    mark = hashlib.sha256(uid.encode()).hexdigest()[:12]
    return place.with_name(f"{place.stem}~{mark}{place.suffix}")

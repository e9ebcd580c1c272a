"""A folder that gets NIfTI in place of DICOM: each series is converted when its study is whole.

Every series ends in words of its own, and an image that is in no volume is never counted as delivered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from adit_cli.counting import count
from adit_cli.errors import DataError, Reason
from adit_cli.nodes import dcm2niix
from adit_cli.nodes.base import Delivered, Delivery, Ready
from adit_cli.nodes.layout import Layout
from adit_cli.nodes.staging import Filing, Waiting
from adit_cli.nodes.storage import make_private, storage_errors
from adit_cli.nodes.volumes import Series, Volumes

_REPORTS = frozenset({"SR", "PR", "KO", "DOC", "REG", "FID", "PLAN", "RWV", "SMR"})
_SIGNALS = frozenset({"AU", "ECG", "EPS", "HD", "POS", "RESP"})
_THERAPY = frozenset({"RTINTENT", "RTPLAN", "RTRAD", "RTRECORD", "RTSEGANN", "RTSTRUCT"})
_MICROSCOPY = frozenset({"ANN", "ASMT", "M3D", "STAIN", "TEXTLAYOUT"})
NO_IMAGES = _REPORTS | _SIGNALS | _THERAPY | _MICROSCOPY
"""Modalities of objects without pictures (PS3.3 §C.7.3.1.1.1)."""
_ASKED = ("SOPInstanceUID", "SeriesNumber", "InstanceNumber", "PatientIdentityRemoved")
_ENDINGS = (".dcm", ".nii.gz", ".nii")


class NiftiDestination:
    """A `Destination` that converts, and leaves the filing to another one."""

    def __init__(
        self, name: str, root: Path, layout: str, filing: Filing, *, limit: float = dcm2niix.TIME_LIMIT
    ) -> None:
        self._name = name
        self._root = root
        self._layout = Layout(_without_ending(layout))
        self._filing = filing
        self._limit = limit

    def begin(self, task_key: str) -> Delivery:
        """Start a study aside; NodeError where the folder cannot be written, or the program is missing."""
        dcm2niix.program()
        self._filing.prepare()
        waiting = Waiting(self._name, self._root, self._layout, task_key, asked=_ASKED)
        volumes = Volumes(waiting, self._root, self._layout)
        return NiftiDelivery(self._name, waiting, volumes, self._filing, limit=self._limit)

    def close(self) -> None:
        """Nothing is held open between studies."""


class NiftiDelivery:
    """A `Delivery` of one study as volumes."""

    def __init__(
        self, name: str, waiting: Waiting, volumes: Volumes, filing: Filing, *, limit: float
    ) -> None:
        self._name = name
        self._volumes = volumes
        self._waiting = waiting
        self._filing = filing
        self._limit = limit
        self._notes: list[str] = []

    def add(self, files: Sequence[Ready]) -> list[Delivered]:
        """Take the files aside until the study is whole."""
        return self._waiting.add(files)

    def finish(self) -> list[Delivered]:
        """Convert each series, file what was made, and say of each image whether it is in there."""
        found = Series.of(self._waiting.staged)
        volumes = self._volumes
        skipped = [series for series in found if series.modality in NO_IMAGES]
        refused: dict[Series, str] = {}
        with storage_errors(self._name):
            for number, series in enumerate(found):
                if series not in skipped and (problem := self._convert(number, series, volumes)):
                    refused[series] = problem
        filed = {one.uid: one for one in self._filing.file(volumes)}
        told: list[Delivered] = []
        for series in found:
            if series in skipped:
                told += self._skip(series, alone=len(skipped) == len(found))
            elif series in refused:
                told += self._refuse(series, Reason.REJECTED, f"was not converted: {refused[series]}")
            else:
                told += self._accept(series, volumes, filed)
        self.abandon()
        return told

    def abandon(self) -> None:
        """Remove what is still aside."""
        self._waiting.close()

    def notes(self) -> list[str]:
        """Return how each series ended."""
        return self._notes

    def _convert(self, number: int, series: Series, volumes: Volumes) -> str:
        """Make the volumes of a series; return what was in the way."""
        images, output = (self._waiting.folder / f"{kind}-{number}" for kind in ("images", "nifti"))
        for folder in (images, output):
            make_private(folder)
        series.move_to(images)
        try:
            volumes.take(series, dcm2niix.convert(images, output, limit=self._limit))
        except DataError as error:
            return error.message
        finally:
            series.discard()
        return ""

    def _skip(self, series: Series, *, alone: bool) -> list[Delivered]:
        """Leave a series out; an image was asked for, so that a study without any is no success."""
        message = f"{series} holds no images and was not converted"
        self._notes.append(f"{self._name}: {message}")
        reason = Reason.REJECTED if alone else None
        return [
            Delivered(uid, accepted=False, reason=reason, message=message, skipped=not alone)
            for uid in series.files
        ]

    def _refuse(self, series: Series, reason: Reason, why: str) -> list[Delivered]:
        message = f"{series} {why}"
        self._notes.append(f"{self._name}: {message}")
        return [Delivered(uid, accepted=False, reason=reason, message=message) for uid in series.files]

    def _accept(self, series: Series, volumes: Volumes, filed: Mapping[str, Delivered]) -> list[Delivered]:
        names = volumes.names_of(series)
        refusal = _first_refused(filed[name] for name in names)
        if refusal is not None:
            why = f"was not filed: {refusal.message}"
            return self._refuse(series, refusal.reason or Reason.REJECTED, why)
        made = volumes.made_of(series)
        message = f"{series} is {count(made.count, 'volume')}"
        if made.problem:
            message += f", but {made.problem}"
        self._notes.append(f"{self._name}: {message}")
        reason = Reason.REJECTED if made.problem else None
        return [Delivered(uid, accepted=True, reason=reason, message=message) for uid in series.files]


def _first_refused(told: Iterable[Delivered]) -> Delivered | None:
    return next((one for one in told if not one.accepted), None)


def _without_ending(layout: str) -> str:
    for ending in _ENDINGS:
        layout = layout.removesuffix(ending)
    return layout

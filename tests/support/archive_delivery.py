"""Deliver built studies into archives, as a task would."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from adit_cli.jobfile.archive import Archive
from adit_cli.nodes.archive import members
from adit_cli.nodes.base import Delivered
from tests.support.folder_delivery import archive_destination, deliver_to

LAYOUT = "{PatientID}/{StudyInstanceUID}/{SOPInstanceUID}.dcm"


def packed_as(written: object) -> Archive:
    """Return what a job file says of archives."""
    return Archive.model_validate(written)


def deliver(root: Path, files: Sequence[Path], archive: Archive, key: str = "task") -> list[Delivered]:
    """Deliver files of one study; returns all that was told."""
    return deliver_to(archive_destination(root, LAYOUT, archive), files, key)


def content(path: Path, password: str = "") -> dict[str, bytes]:
    """Return what is in an archive, by name."""
    with closing(members(path, password)) as found:
        return {one.name: b"".join(iter(lambda data=one.data: data.read(9999), b"")) for one in found}

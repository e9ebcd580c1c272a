"""Folder destinations as a job would open them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from adit_cli.dicom.files import read_file_meta
from adit_cli.jobfile.archive import Archive
from adit_cli.nodes.base import Delivered, Destination, Ready
from adit_cli.nodes.folder import FolderDestination
from adit_cli.nodes.packing import ArchiveFiling
from adit_cli.nodes.tree import TreeFiling


def ready_file(path: Path, *, spooled: bool = False) -> Ready:
    """Return a file as one that may leave."""
    meta = read_file_meta(path)
    uids = (meta.sop_instance_uid, meta.sop_class_uid, meta.transfer_syntax_uid)
    return Ready(path, *uids, path.stat().st_size, spooled=spooled)


def deliver_to(destination: Destination, files: Iterable[Path], key: str = "task") -> list[Delivered]:
    """Deliver files of one study; returns all that was told."""
    delivery = destination.begin(key)
    return delivery.add([ready_file(path) for path in files]) + delivery.finish()


def folder_destination(root: Path, layout: str) -> FolderDestination:
    """Return a folder that gets a tree."""
    return FolderDestination("out", root, layout, TreeFiling("out", root))


def archive_destination(root: Path, layout: str, archive: Archive) -> FolderDestination:
    """Return a folder that gets archives."""
    return FolderDestination("out", root, layout, ArchiveFiling("out", root, archive))

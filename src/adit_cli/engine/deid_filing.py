"""Put results in their places: whole or not at all, and never over something else."""

from __future__ import annotations

import errno
import os
import re
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from adit_cli.dicom.files import read_file_meta
from adit_cli.errors import DataError, UsageError
from adit_cli.nodes.layout import apart
from adit_cli.nodes.storage import is_running, make_private, same_content, storage_errors

DISK_FULL = frozenset((errno.ENOSPC, errno.EDQUOT))
_DRAFT = re.compile(r"\.adit-(\d+)-\w+\.part")


@contextmanager
def draft_in(folder: Path) -> Generator[Path]:
    """Lend a name in the folder that nobody mistakes for a result."""
    with storage_errors(str(folder), UsageError):
        descriptor, name = tempfile.mkstemp(suffix=".part", prefix=f".adit-{os.getpid()}-", dir=folder)
        os.close(descriptor)
        try:
            yield Path(name)
        finally:
            Path(name).unlink(missing_ok=True)


def sweep_drafts(folder: Path) -> None:
    """Remove the drafts of processes that were killed."""
    for path in folder.glob(".adit-*.part"):
        found = _DRAFT.fullmatch(path.name)
        if found and not is_running(int(found[1])):
            path.unlink(missing_ok=True)


def file_result(draft: Path, folder: Path, place: PurePosixPath, uid: str) -> Path | None:
    """Return where the result lies now, None where another result of the same instance is there already."""
    for name in (place, apart(place, uid)):
        target = folder / name
        make_private(target.parent)
        try:
            _take(draft, target)
        except FileExistsError:
            if same_content(draft, target):
                return target
            if _instance(target) == uid:
                return None
            continue
        return target
    return None


def _take(draft: Path, target: Path) -> None:
    """Give the draft its name unless that is taken; FileExistsError then."""
    try:
        target.hardlink_to(draft)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno in DISK_FULL:
            raise
        if target.exists():
            raise FileExistsError from error
        draft.rename(target)  # a disk without hard links


def _instance(path: Path) -> str:
    try:
        return read_file_meta(path).sop_instance_uid
    except DataError:
        return ""

"""Take what has landed in the inbox into the spool, where it looks like what came by any other way."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

from adit_cli.dicom.files import read_file_meta
from adit_cli.errors import UsageError
from adit_cli.nodes.base import Arrival, OnArrival
from adit_cli.nodes.storage import copy_private, part_in, storage_errors

_SUFFIX = ".dcm"


class Landed:
    """The landing folder of one study."""

    def __init__(self, landing: Path, spool: Path, arrived: set[str], on_arrival: OnArrival) -> None:
        self._landing = landing
        self._spool = spool
        self._arrived = arrived
        self._on_arrival = on_arrival
        self._lock = threading.Lock()

    def take(self) -> None:
        """Take what is there; files appear there whole, by rename. Several threads may look."""
        with self._lock:
            with storage_errors(str(self._landing), UsageError):
                there = [entry.name for entry in os.scandir(self._landing) if entry.name.endswith(_SUFFIX)]
            for name in sorted(there):
                self._take(name)

    def _take(self, name: str) -> None:
        path, uid = self._spool / name, name.removesuffix(_SUFFIX)
        with storage_errors(str(self._spool), UsageError):
            if uid in self._arrived:
                (self._landing / name).unlink()
                return
            _move(self._landing / name, path)
            size = path.stat().st_size
        meta = read_file_meta(path)
        self._arrived.add(uid)
        self._on_arrival(Arrival(path, uid, meta.sop_class_uid, meta.transfer_syntax_uid, size))


def _move(source: Path, target: Path) -> None:
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        part = part_in(target.parent, target.stem)
        part.unlink(missing_ok=True)
        copy_private(source, part)
        part.rename(target)
        source.unlink()

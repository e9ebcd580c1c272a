"""Tell whether a file ends where its data set does. A peer that is sent half a data set may never answer."""

from __future__ import annotations

import mmap
from pathlib import Path

from adit_cli.dicom.attributes import DEFLATED
from adit_cli.dicom.elements import encoding_of
from adit_cli.dicom.files import FileMeta
from adit_cli.dicom.scan import scan

_BEHIND_ALL = 0xFFFFFFFF
"""No element has this tag, so that looking for it passes all of them."""


def require_whole(path: Path, meta: FileMeta) -> None:
    """Raise DataError where the last element of a Part-10 file is cut; only lengths are looked at.

    A deflated data set is not inflated for it.
    """
    if meta.transfer_syntax_uid == DEFLATED:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for _ in scan(data, encoding_of(meta.transfer_syntax_uid), {_BEHIND_ALL}, at=meta.dataset_offset):
            pass

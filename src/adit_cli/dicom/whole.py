"""Tell whether a file ends where its data set does. A peer that is sent half a data set may never answer."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

from adit_cli.dicom.attributes import DEFLATED
from adit_cli.dicom.elements import encoding_of
from adit_cli.dicom.files import FileMeta
from adit_cli.dicom.scan import last_element
from adit_cli.errors import DataError


def require_whole(path: Path, meta: FileMeta) -> None:
    """Raise DataError where the last element of a Part-10 file is cut; only lengths are looked at.

    A deflated data set is not inflated for it.
    """
    if meta.transfer_syntax_uid == DEFLATED:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            last_element(data, encoding_of(meta.transfer_syntax_uid), at=meta.dataset_offset)
        except struct.error as error:
            raise DataError("The data set ends inside an element.") from error

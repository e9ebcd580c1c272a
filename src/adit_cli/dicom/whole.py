"""Tell whether a file ends where its data set does. A peer that is sent half a data set may never answer."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable
from pathlib import Path

from adit_cli.dicom.attributes import DEFLATED, attributes_behind
from adit_cli.dicom.files import FileMeta, file_meta_of, read_file_meta
from adit_cli.dicom.query import Attributes
from adit_cli.errors import DataError

_USUAL_HEADER = 8192
"""Bytes that hold all but the pixel data of most images: read in a third of the time that mapping takes."""


def read_whole(path: Path, keywords: Iterable[str]) -> tuple[FileMeta, Attributes]:
    """Return the file meta information and single attributes of a Part-10 file, in one look at it.

    DataError where it is no DICOM or its last element is cut; of values only the lengths are looked at, and
    a deflated data set is not inflated for it.
    """
    wanted = tuple(keywords)
    try:
        with path.open("rb", buffering=0) as file:
            head, size = file.read(_USUAL_HEADER), os.fstat(file.fileno()).st_size
            try:
                meta = file_meta_of(head, path.name)
                if meta.transfer_syntax_uid != DEFLATED:
                    return meta, attributes_behind(head, meta, wanted, size=size)
            except DataError:
                meta = read_file_meta(path)
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return meta, attributes_behind(data, meta, wanted, size=size)
    except OSError as error:
        raise DataError(f"{path.name} cannot be read: {error.strerror}") from error

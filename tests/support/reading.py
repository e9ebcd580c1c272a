"""Read files with pydicom, the judge of what we wrote."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pydicom
from pydicom.data import get_testdata_file
from pydicom.dataset import FileDataset


def pydicom_file(name: str) -> Path:
    """Return the path of one of pydicom's own test files."""
    return Path(str(get_testdata_file(name)))


def read_dicom(source: Path | bytes, *, pixels: bool = True) -> FileDataset:
    """Return a file as pydicom reads it."""
    opened = BytesIO(source) if isinstance(source, bytes) else source
    return pydicom.dcmread(opened, stop_before_pixels=not pixels, force=True)  # pyright: ignore[reportUnknownMemberType] - pydicom's PathLike lacks its argument

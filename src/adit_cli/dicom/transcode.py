"""Write a data set in an uncompressed transfer syntax, with the same content and under the same UIDs."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from adit_cli.dicom.byte_order import turn_to_little_endian
from adit_cli.dicom.elements import EXPLICIT_BIG
from adit_cli.errors import DataError, Reason

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.uid import UID

EXTRA = "adit-cli[codecs]"
_ALWAYS_LOSSY = {
    "1.2.840.10008.1.2.4.50": "ISO_10918_1",
    "1.2.840.10008.1.2.4.51": "ISO_10918_1",
    "1.2.840.10008.1.2.4.81": "ISO_14495_1",
}
"""The transfer syntaxes that lose something in any case, and their methods (PS3.3 §C.7.6.1.1.5)."""


def transcode(source: Path, target: Path, transfer_syntax_uid: str) -> None:
    """Write one object as Explicit or Implicit VR Little Endian; it is in memory meanwhile.

    DataError where it cannot be done: no decoder, or pixel data that are not what they say.
    """
    from pydicom import dcmread, dcmwrite  # noqa: PLC0415 # pyright: ignore[reportUnknownVariableType] - pydicom is slow to load and its PathLike without argument
    from pydicom.uid import UID  # noqa: PLC0415 - as below

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they quote values
            ds = dcmread(source)
            syntax = ds.file_meta.TransferSyntaxUID
            _require_decoder(syntax)
            _decompress(ds, syntax)
            if syntax == EXPLICIT_BIG:
                turn_to_little_endian(ds)
            ds.file_meta.TransferSyntaxUID = UID(transfer_syntax_uid)
            dcmwrite(target, ds, enforce_file_format=True)
    except (AttributeError, LookupError, NotImplementedError, RuntimeError, TypeError, ValueError) as error:
        said = f"its data set cannot be decoded ({type(error).__name__})"
        raise DataError(said, reason=Reason.NO_CONTEXT) from error


def _require_decoder(syntax: UID) -> None:
    from pydicom.pixels.decoders.base import get_decoder  # noqa: PLC0415 - as above

    try:
        known = not syntax.is_encapsulated or get_decoder(syntax).is_available
    except NotImplementedError:
        raise DataError(f"nothing decodes {syntax.name} here", reason=Reason.NO_CONTEXT) from None
    if not known:
        said = f"no decoder of {syntax.name} is installed: pip install '{EXTRA}'"
        raise DataError(said, reason=Reason.NO_CONTEXT)


def _decompress(ds: Dataset, syntax: UID) -> None:
    if not syntax.is_encapsulated:
        return
    if "PixelData" in ds:
        ds.decompress(generate_instance_uid=False)
    method = _ALWAYS_LOSSY.get(str(syntax))
    if method is not None and ds.get("LossyImageCompression") != "01":
        ds.LossyImageCompression = "01"
        ds.LossyImageCompressionMethod = method

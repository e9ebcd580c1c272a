"""Turn the values of a data set that was read in big endian order, to be written in little endian.

pydicom turns numbers, and leaves alone what it hands over as bytes (PS3.5 §7.3); those are turned here, each
by the size that its VR has. UN is never turned (PS3.5 §6.2.2, note 2).
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from adit_cli.errors import DataError, Reason

if TYPE_CHECKING:
    from pydicom import DataElement, Dataset

_TYPES = {"OW": "H", "OF": "I", "OL": "I", "OD": "Q", "OV": "Q"}
_WORD_BITS = 16
_SIZES = {"PixelData": "BitsAllocated", "WaveformData": "WaveformBitsAllocated"}


def turn_to_little_endian(ds: Dataset) -> None:
    """Turn every value that is bytes, in sequences too; DataError where nobody can say how it was written."""
    for elem in ds:
        if elem.VR == "SQ":
            for item in elem.value:
                turn_to_little_endian(item)
        elif elem.VR in _TYPES and elem.value:
            _require_words(ds, elem)
            elem.value = _turned(elem.value, _TYPES[elem.VR])


def _require_words(ds: Dataset, elem: DataElement) -> None:
    """Refuse samples of several words: DCMTK turns each word (PS3.5 §6.2), others each sample."""
    bits = ds.get(_SIZES.get(elem.keyword, ""), _WORD_BITS)
    if elem.VR == "OW" and int(bits or 0) > _WORD_BITS:
        what = f"{elem.name} of {bits} bits in big endian order, which programs write in two ways"
        raise DataError(f"its data set has {what}", reason=Reason.NO_CONTEXT)


def _turned(value: bytes, kind: str) -> bytes:
    words: array[int] = array(kind)
    words.frombytes(value)
    words.byteswap()
    return words.tobytes()

"""Attributes, as queries and rules see them: strings by keyword, in and out of data sets."""

from __future__ import annotations

import mmap
import struct
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from adit_cli.dicom.dictionary import keyword_of, tag_of, vr_of
from adit_cli.dicom.elements import IMPLICIT_LITTLE, Element, Elements, encode, encoding_of
from adit_cli.dicom.files import FileMeta, read_file_meta
from adit_cli.dicom.query import Attributes
from adit_cli.dicom.scan import Buffer, scan
from adit_cli.dicom.text import decode_text, encode_text
from adit_cli.errors import DataError, UsageError

DEFLATED = "1.2.840.10008.1.2.1.99"
CHARACTER_SET = 0x00080005
_INFLATED_HEAD = 1 << 24
_NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}
_TEXT = frozenset(("LO", "LT", "PN", "SH", "ST", "UC", "UT"))
"""Where Specific Character Set applies (PS3.5 §6.1.2.2); other strings are ASCII."""
_PLAIN = frozenset(("AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR"))
_UNSPLIT = frozenset(("LT", "ST", "UT", "UR"))


def encode_attributes(attributes: Mapping[str, str], transfer_syntax_uid: str = IMPLICIT_LITTLE) -> bytes:
    """Return the attributes as a data set, in the narrowest character set that holds them all.

    UsageError where a keyword is not one of DICOM's, or a value does not fit its VR.
    """
    values = {_known_tag(name): value for name, value in attributes.items()}
    _, character_set = encode_text("".join(values.values()))
    if character_set:
        values[CHARACTER_SET] = character_set
    codec = {"": "ascii", "ISO_IR 100": "latin_1"}.get(character_set, "utf_8")
    order = ">" if encoding_of(transfer_syntax_uid).big_endian else "<"
    elements: Elements = {}
    for tag, value in values.items():
        vr = vr_of(tag)
        elements[tag] = Element(tag, vr, _encode_value(tag, vr, value, (codec, order)))
    return encode(elements, encoding_of(transfer_syntax_uid))


def _known_tag(name: str) -> int:
    tag = tag_of(name)
    if tag is None:
        raise UsageError(f"{name} is not a DICOM keyword.", hint="Write it as in PS3.6, or as ggggeeee.")
    return tag


def _encode_value(tag: int, vr: str, value: str, how: tuple[str, str]) -> bytes:
    codec, order = how
    if not value:
        return b""
    try:
        if vr in _NUMBERS:
            number = float if vr in {"FL", "FD"} else int
            return b"".join(struct.pack(order + _NUMBERS[vr], number(part)) for part in value.split("\\"))
        if vr == "AT":
            tags = [int(part, 16) for part in value.split("\\")]
            return b"".join(struct.pack(f"{order}HH", part >> 16, part & 0xFFFF) for part in tags)
    except (ValueError, struct.error) as error:
        raise UsageError(f"{keyword_of(tag)} takes numbers.") from error
    if vr == "SQ":
        raise UsageError(f"{keyword_of(tag)} is a sequence; only an empty value can be asked for.")
    raw = value.encode(codec)
    return raw + (b"\0" if vr == "UI" else b" ") * (len(raw) % 2)


def decode_attributes(data: Buffer, transfer_syntax_uid: str, *, at: int = 0) -> Attributes:
    """Return the top-level attributes of a data set as text; sequences and bulk data are left out."""
    return _decode(data, transfer_syntax_uid, None, at)


def read_attributes(path: Path, keywords: Iterable[str]) -> Attributes:
    """Return single attributes of a Part-10 file; what the file does not have is absent.

    Reads no further than the last of them. DataError where the file is not DICOM or ends too early.
    """
    meta = read_file_meta(path)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return attributes_behind(data, meta, keywords)


def attributes_behind(
    data: Buffer, meta: FileMeta, keywords: Iterable[str], *, size: int | None = None
) -> Attributes:
    """Return single attributes of a Part-10 file of which this is the beginning, or all.

    DataError where it breaks off before the last of them; where the file's size is given, anywhere.
    """
    tags = {_known_tag(keyword) for keyword in keywords}
    if meta.transfer_syntax_uid != DEFLATED:
        at = meta.dataset_offset
        return _decode(data, meta.transfer_syntax_uid, tags, at, size=size)
    return _decode(_inflated(data[meta.dataset_offset :]), meta.transfer_syntax_uid, tags, 0)


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, _INFLATED_HEAD)
    except zlib.error as error:
        raise DataError("The deflated data set is damaged.") from error


def _decode(
    data: Buffer, transfer_syntax_uid: str, tags: set[int] | None, at: int, *, size: int | None = None
) -> Attributes:
    encoding = encoding_of(transfer_syntax_uid)
    order = ">" if encoding.big_endian else "<"
    wanted = None if tags is None else tags | {CHARACTER_SET}
    character_sets: list[str] = []
    found: Attributes = {}
    for tag, written_vr, value in scan(data, encoding, wanted, at=at, size=size):
        if not tag & 0xFFFF:
            continue
        vr = written_vr if written_vr not in {"", "UN"} else vr_of(tag)
        text = _decode_value(vr, value, character_sets, order)
        if tag == CHARACTER_SET:
            character_sets = (text or "").split("\\")
        if text is not None and (tags is None or tag in tags):
            found[keyword_of(tag)] = text
    return found


def _decode_value(vr: str, value: bytes, character_sets: list[str], order: str) -> str | None:
    """Return a value as text, None where its VR has none."""
    if vr in _PLAIN or vr in _TEXT:
        text = decode_text(value, character_sets if vr in _TEXT else ())
        return _stripped(text.rstrip("\0"), vr)
    if vr in _NUMBERS:
        width = struct.calcsize(order + _NUMBERS[vr])
        whole = value[: len(value) // width * width]
        return "\\".join(f"{number}" for (number,) in struct.iter_unpack(order + _NUMBERS[vr], whole))
    if vr == "AT":
        pairs = struct.iter_unpack(f"{order}HH", value[: len(value) // 4 * 4])
        return "\\".join(f"{group:04x}{number:04x}" for group, number in pairs)
    return None


def _stripped(text: str, vr: str) -> str:
    """Return the text without its padding (PS3.5 §6.2): spaces around each value, at the end of long text."""
    if vr in _UNSPLIT:
        return text.rstrip(" ")
    if "\\" not in text:
        return text.strip(" \0")
    return "\\".join(part.strip(" \0") for part in text.split("\\"))

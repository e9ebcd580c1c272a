"""A header as rows: every element with its tag, VR, keyword and value, items of sequences below them."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from adit_cli.cli.output import Row
from adit_cli.dicom.dictionary import keyword_of
from adit_cli.dicom.json_model import CUT, Json, JsonDataset

CREATORS = range(0x10, 0x100)
HEX_SHOWN = 16
INDENT = "  "


def rows_of(dataset: JsonDataset, depth: int = 0) -> Iterator[Row]:
    """Yield the elements in the order of their tags; a private one is named by its creator (PS3.5 §7.8)."""
    creators: dict[int, str] = {}
    for name, element in sorted(dataset.items()):
        tag = int(name, 16)
        values = _values(element)
        if tag >> 16 & 1 and tag & 0xFFFF in CREATORS:
            creators[tag >> 16 << 8 | tag & 0xFF] = _text(values[0]) if values else ""
        yield {
            "tag": f"{INDENT * depth}({name[:4]},{name[4:]})",
            "vr": str(element.get("vr", "")) if isinstance(element, dict) else "",
            "keyword": _name(tag, creators),
            "value": _shown(element),
        }
        for number, item in enumerate(values, start=1):
            if isinstance(item, dict) and isinstance(element, dict) and element.get("vr") == "SQ":
                yield {"tag": f"{INDENT * (depth + 1)}item {number}", "vr": "", "keyword": "", "value": ""}
                yield from rows_of(item, depth + 1)


def _name(tag: int, creators: dict[int, str]) -> str:
    if not tag >> 16 & 1:
        keyword = keyword_of(tag)
        return "" if keyword == f"{tag:08x}" else keyword
    if tag & 0xFFFF in CREATORS:
        return "private creator"
    creator = creators.get(tag >> 16 << 8 | tag >> 8 & 0xFF, "")
    return f"[{creator}]" if creator else "private"


def _shown(element: Json) -> str:
    if not isinstance(element, dict):
        return ""
    values = _values(element)
    if element.get("vr") == "SQ":
        return f"{len(values)} item{'' if len(values) == 1 else 's'}"
    if isinstance(uri := element.get("BulkDataURI"), str):
        length = uri.removeprefix(CUT)
        return f"{int(length):,} bytes" if uri.startswith(CUT) and length.isdecimal() else "bulk data"
    if isinstance(binary := element.get("InlineBinary"), str):
        return _binary(base64.b64decode(binary))
    return "\\".join(map(_text, values))


def _values(element: Json) -> list[Json]:
    values = element.get("Value") if isinstance(element, dict) else None
    return values if isinstance(values, list) else []


def _text(value: Json) -> str:
    match value:
        case None:
            return ""
        case dict():
            groups = [str(value.get(name) or "") for name in ("Alphabetic", "Ideographic", "Phonetic")]
            return "=".join(groups).rstrip("=")
        case float() if value.is_integer():
            return str(int(value))
        case _:
            return str(value)


def _binary(value: bytes) -> str:
    """Return text where it is text, as unknown private elements often are, else the first bytes."""
    text = value.rstrip(b" \0")
    if text and text.isascii() and text.decode("ascii").isprintable():
        return text.decode("ascii")
    if len(value) > HEX_SHOWN:
        return f"{len(value):,} bytes: {value[:HEX_SHOWN].hex(' ')} …"
    return value.hex(" ")

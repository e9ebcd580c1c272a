"""The DICOM JSON model (PS3.18 §F) as attributes, and what STOW-RS answers as one list of elements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from adit_cli.dicom.dictionary import tag_of
from adit_cli.dicom.query import Attributes
from adit_cli.errors import UsageError
from adit_cli.nodes.dicomweb.answer import Json

_WITHOUT_TEXT = frozenset(("SQ", "OB", "OD", "OF", "OL", "OV", "OW", "UN"))


def attributes_of(dataset: Mapping[str, Json], keywords: Mapping[str, str]) -> Attributes:
    """Return the attributes that were asked for as text; sequences and binary ones are left out.

    `keywords` are those asked for, by their key in the model: servers return many others.
    """
    found: Attributes = {}
    for name, element in dataset.items():
        keyword = keywords.get(name) or keywords.get(name.upper())
        if keyword is not None and isinstance(element, dict) and element.get("vr") not in _WITHOUT_TEXT:
            vr = str(element.get("vr", ""))
            found[keyword] = "\\".join(_text(value, vr) for value in values_in(element))
    return found


def keys_in_model(keywords: Iterable[str]) -> dict[str, str]:
    """Return the keywords by their key in the model; UsageError for one that DICOM doesn't have."""
    return {f"{_known_tag(keyword):08X}": keyword for keyword in keywords}


def _known_tag(keyword: str) -> int:
    tag = tag_of(keyword)
    if tag is None:
        raise UsageError(f"{keyword} is not a DICOM keyword.", hint="Write it as in PS3.6, or as ggggeeee.")
    return tag


def values_in(element: Json) -> list[Json]:
    """Return an element's values; one that is not in a list, as some servers write it, counts too."""
    if not isinstance(element, dict):
        return []
    value = element.get("Value")
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def _text(value: Json, vr: str) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        groups = [str(value.get(group) or "") for group in ("Alphabetic", "Ideographic", "Phonetic")]
        return "=".join(groups).rstrip("=")
    if isinstance(value, float) and value.is_integer() and vr not in {"FL", "FD"}:
        value = int(value)
    text = str(value)
    return text.lower() if vr == "AT" else text.strip(" \0")

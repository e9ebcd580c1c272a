"""What a STOW-RS answer says of each instance (PS3.18 §10.5.3), in JSON or, from some servers, XML."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, field

from adit_cli.nodes.dicomweb.answer import Answer, Json
from adit_cli.nodes.dicomweb.failures import malformed
from adit_cli.nodes.dicomweb.model import values_in

_FAILED_SEQUENCE, _STORED_SEQUENCE = "00081198", "00081199"
_INSTANCE, _FAILURE_REASON, _WARNING_REASON = "00081155", "00081197", "00081196"
_PROCESSING_FAILURE = 0x0110


@dataclass(slots=True)
class Stored:
    """What became of the instances that the answer names."""

    accepted: dict[str, int] = field(default_factory=dict[str, int])
    """With the warning reason, 0 where there is none."""
    failed: dict[str, int] = field(default_factory=dict[str, int])


def read_stored(answer: Answer) -> Stored:
    """Return what the body says; nothing where it is empty."""
    datasets = _from_xml(answer) if "xml" in answer.content_type else answer.datasets() or []
    stored = Stored()
    for dataset in datasets:
        for item in _items(dataset, _STORED_SEQUENCE):
            stored.accepted[_text(item, _INSTANCE)] = _number(item, _WARNING_REASON, 0)
        for item in _items(dataset, _FAILED_SEQUENCE):
            stored.failed[_text(item, _INSTANCE)] = _number(item, _FAILURE_REASON, _PROCESSING_FAILURE)
    return stored


def _items(dataset: dict[str, Json], tag: str) -> Iterator[dict[str, Json]]:
    return (item for item in values_in(dataset.get(tag)) if isinstance(item, dict))


def _text(item: dict[str, Json], tag: str) -> str:
    values = values_in(item.get(tag))
    return str(values[0]).strip(" \0") if values else ""


def _number(item: dict[str, Json], tag: str, otherwise: int) -> int:
    text = _text(item, tag)
    return int(text) if text.isdecimal() else otherwise


def _from_xml(answer: Answer) -> list[dict[str, Json]]:
    """Return the Native DICOM Model (PS3.19 §A.1) in the form of the JSON one."""
    content = answer.text()
    if not content.strip():
        return []
    try:
        root = ET.fromstring(content)  # noqa: S314 - expat limits entity expansion, and size is bounded
    except ET.ParseError as error:
        raise malformed(answer.name, answer.doing, "XML that is not whole") from error
    return [_dataset(root)]


def _dataset(element: ET.Element) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for attribute in element.iter() if _name(element) not in {"NativeDicomModel", "Item"} else element:
        if _name(attribute) == "DicomAttribute" and attribute.get("tag"):
            found.setdefault(str(attribute.get("tag")).upper(), {"Value": _values(attribute)})
    return found


def _values(attribute: ET.Element) -> list[Json]:
    return [
        _dataset(child) if _name(child) == "Item" else (child.text or "").strip()
        for child in attribute
        if _name(child) in {"Item", "Value"}
    ]


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]

"""Search what is about to leave for every identifier that was taken out of it.

The rules say what should be gone; this looks at the bytes and takes nobody's word for it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from adit_cli.deid.needles import CHARACTER_SET, DAY, MAKERS, WORDS, Needles, collect, leaves
from adit_cli.dicom.elements import Element, Elements

TEXT_VRS = frozenset(("LO", "SH", "PN", "LT", "ST", "UT", "UC"))
_EDGE = re.compile(rb"[a-z0-9]")
_DIGIT = re.compile(rb"[0-9.]")


def find_leak(
    header: bytes, left: Elements, originals: Iterable[Element], disclosed: Collection[int]
) -> str | None:
    """Return the path of an element that still holds an identifier, None where none does.

    `disclosed` are tags that the job keeps on purpose: what they hold is not looked for elsewhere.
    """
    kept = [element for element in leaves(left.values()) if element.tag in disclosed]
    makers = b"\\".join(element.value for element in kept if element.tag in MAKERS).lower()
    charset = left[CHARACTER_SET].value if CHARACTER_SET in left else b""
    needles = collect(originals, charset, makers)
    needles.forget(collect(kept, charset, makers))
    found = _search(header.lower(), needles)
    if found is not None:
        return path_of(left, found) or "the file meta information"
    return _short_word(left, needles.short) if needles.short else None


def _search(data: bytes, needles: Needles) -> bytes | None:
    """Return the first needle that the bytes hold."""
    for needle in needles.anywhere:
        if needle in data:
            return needle
    for needle in needles.words:
        if needle in data and _stands_alone(data, needle, _EDGE):
            return needle
    for needle in needles.numbers:
        if needle in data and _stands_alone(data, needle, _DIGIT):
            return needle
    return None


def _stands_alone(data: bytes, needle: bytes, edge: re.Pattern[bytes]) -> bool:
    """Return whether a needle occurs with nothing of its own kind around it; a time may follow a date."""
    is_date = DAY.fullmatch(needle) is not None
    start = data.find(needle)
    while start >= 0:
        end = start + len(needle)
        if not edge.match(data, start - 1) and (is_date or not edge.match(data, end)):
            return True
        start = data.find(needle, start + 1)
    return False


def path_of(elements: Elements, needle: bytes, prefix: str = "") -> str | None:
    """Return the path of the first element that holds a needle."""
    for tag, element in elements.items():
        here = f"{prefix}({tag >> 16:04X},{tag & 0xFFFF:04X})"
        inside = (
            path_of(item, needle, f"{here}[{number}].") for number, item in enumerate(element.items or ())
        )
        found = next((path for path in inside if path), None)
        if found or needle in element.value.lower():
            return found or here
    return None


def _short_word(left: Elements, short: set[str]) -> str | None:
    """Return the path of a text that has one of the short words in it."""
    for element in leaves(left.values()):
        if element.vr in TEXT_VRS:
            words = WORDS.findall(element.value.decode("latin_1").lower())
            if not short.isdisjoint(words):
                return path_of(left, element.value.lower())
    return None

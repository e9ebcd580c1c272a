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
    if _holds(header.lower(), needles):
        return _path_of(left, needles) or "the file meta information"
    if needles.short and any(_has_short_word(element, needles) for element in leaves(left.values())):
        return _path_of(left, needles)
    return None


def _holds(data: bytes, needles: Needles) -> bool:
    return (
        any(needle in data for needle in needles.anywhere)
        or any(needle in data and _stands_alone(data, needle, _EDGE) for needle in needles.words)
        or any(needle in data and _stands_alone(data, needle, _DIGIT) for needle in needles.numbers)
    )


def _stands_alone(data: bytes, needle: bytes, edge: re.Pattern[bytes]) -> bool:
    """Return whether a needle occurs with nothing of its own kind around it; a time may follow a date."""
    is_date = DAY.fullmatch(needle) is not None
    start = data.find(needle)
    while start >= 0:
        end = start + len(needle)
        if not (start and edge.match(data, start - 1)) and (is_date or not edge.match(data, end)):
            return True
        start = data.find(needle, start + 1)
    return False


def _path_of(elements: Elements, needles: Needles, prefix: str = "") -> str | None:
    """Return the path of the first element that holds one of the needles."""
    for tag, element in elements.items():
        here = f"{prefix}({tag >> 16:04X},{tag & 0xFFFF:04X})"
        for number, item in enumerate(element.items or ()):
            found = _path_of(item, needles, f"{here}[{number}].")
            if found:
                return found
        if _holds(element.value.lower(), needles) or _has_short_word(element, needles):
            return here
    return None


def _has_short_word(element: Element, needles: Needles) -> bool:
    if element.vr not in TEXT_VRS:
        return False
    words = WORDS.findall(element.value.decode("latin_1").lower())
    return not needles.short.isdisjoint(words)

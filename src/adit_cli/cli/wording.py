"""Sizes, dates and times as a person reads them."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime

KILO = 1000
FEW = 10
"""Below this, one decimal is worth its room."""
MINUTE = 60
HOUR = 3600
DATE = re.compile(r"(\d{4})(\d{2})(\d{2})")
TIME = re.compile(r"(\d{2})(\d{2})(\d{2})?(?:\.\d+)?")


def size(octets: float) -> str:
    """Return a file size in decimal units: 412 B, 5.3 MB, 1.2 GB."""
    for unit in ("B", "kB", "MB", "GB"):
        if octets < KILO:
            return f"{octets:.0f} {unit}" if unit == "B" or octets >= FEW else f"{octets:.1f} {unit}"
        octets /= KILO
    return f"{octets:.1f} TB"


def duration(seconds: float) -> str:
    """Return a time span with at most two units: 0.4 s, 12 s, 3 min 20 s, 2 h 5 min."""
    if seconds < FEW:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE} s".removesuffix(" 0 s")
    return f"{whole // HOUR} h {whole % HOUR // MINUTE} min".removesuffix(" 0 min")


def moment(seconds: float) -> str:
    """Return a moment in the user's own time, with the day of the week: Mon 2024-01-29 19:00."""
    return f"{datetime.fromtimestamp(seconds).astimezone():%a %Y-%m-%d %H:%M}"


def for_person(vr: str, value: str) -> str:
    """Return a DICOM value for a table: 2024-01-31, 13:05, `DOE, JOHN`, `CT MR`."""
    match vr:
        case "DA" if found := DATE.fullmatch(value):
            return "-".join(found.groups())
        case "TM" if found := TIME.fullmatch(value):
            return f"{found[1]}:{found[2]}"
        case "PN":
            family, _, given = value.split("=", maxsplit=1)[0].partition("^")
            return ", ".join(part for part in (family, given.replace("^", " ").strip()) if part)
        case "CS":
            return value.replace("\\", " ")
        case _:
            return value


def printable(text: str) -> str:
    """Return one line without control characters: what a PACS sends must not steer the terminal."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else " " if char.isspace() else "\N{REPLACEMENT CHARACTER}"
        for char in text
    )


def width(text: str) -> int:
    """Return how many terminal columns a text takes (Unicode Standard Annex 11)."""
    if text.isascii():
        return len(text)
    return sum(_char_width(char) for char in text)


def _char_width(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def shorten(text: str, room: int, *, keep_end: bool = False) -> str:
    """Return the text cut to so many columns with an ellipsis; UIDs differ at their end, so that is kept."""
    if width(text) <= room:
        return text
    if keep_end:
        start = max((room - 1) // 3, 0)
        return text[:start] + "…" + text[len(text) - (room - 1 - start) :]
    while text and width(text) > room - 1:
        text = text[:-1]
    return text + "…"

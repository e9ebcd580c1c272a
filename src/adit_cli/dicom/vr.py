"""Value representations (PS3.5 §6.2): their codes, and which one the standard gives a tag."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from adit_cli.dicom.standard import elements, repeating_elements

SHORT_VRS = frozenset(re.findall("..", "AEASATCSDADSDTFDFLISLOLTPNSHSLSSSTTMUIULUS"))
"""Those whose explicit form has a length of two bytes (PS3.5 §7.1.2)."""
LONG_VRS = frozenset(re.findall("..", "OBODOFOLOVOWSQSVUCUNURUTUV"))
PRIVATE_CREATORS = range(0x10, 0x100)
REPEATING_GROUPS = (0x50, 0x60)


def standard_vr(tag: int) -> str:
    """Return the VR that the standard gives a tag, `UN` where it gives none (PS3.6, PS3.5 §7.8.1).

    Of alternatives such as "US or SS" it is the last; they have the same width.
    """
    number = tag & 0xFFFF
    if number == 0:
        return "UL"
    if tag & 0x10000:
        return "LO" if number in PRIVATE_CREATORS else "UN"
    return _standard_vrs().get(tag) or _repeating_vr(tag)


@cache
def _standard_vrs() -> Mapping[int, str]:
    return {tag: entry[0].rpartition(" ")[2] for tag, entry in elements().items()}


@cache
def _repeating_vr(tag: int) -> str:
    if tag >> 24 not in REPEATING_GROUPS:
        return "UN"
    entry = repeating_elements().get(f"{tag >> 24:02X}xx{tag & 0xFFFF:04X}")
    return entry[0].rpartition(" ")[2] if entry else "UN"

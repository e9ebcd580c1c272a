"""What the rules need to know of the file at hand: whose it is, and the keys of the project."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from adit_cli.dicom.elements import Encoding

OLDEST_AGE = 89
"""Ages above are told as 90 (45 CFR 164.514(b)(2)(i)(C))."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The project's secret, divided by purpose."""

    uid: bytes
    date: bytes
    code: bytes


@dataclass(slots=True)
class Context:
    """One file on its way through the rules."""

    keys: Keys
    pseudonym: str
    encoding: Encoding = field(default_factory=Encoding)
    days: int = 0
    """By how much this patient's dates move back."""
    oldest_birth_year: int = 0
    """The birth year of a patient of 90 at the time of the study."""
    actions: Counter[tuple[int, str]] = field(default_factory=Counter[tuple[int, str]])
    """How often which rule changed which tag."""

"""Show, element by element, what a profile does to one file and which rule does it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from adit_cli.deid.blocked import refuse_blocked
from adit_cli.deid.change import change_data_set, text_of
from adit_cli.deid.files import SOP_CLASS, completed, refuse_leak
from adit_cli.deid.masks import rectangles_for
from adit_cli.deid.parts import read_parts
from adit_cli.deid.profile import Profile
from adit_cli.deid.rules import Rule
from adit_cli.dicom.dictionary import keyword_of
from adit_cli.dicom.elements import Element, encode
from adit_cli.dicom.text import decode_text
from adit_cli.dicom.vr import SHORT_VRS

CHARACTER_SET = 0x00080005
SHOWN = 64
BINARY = frozenset(("US", "SS", "UL", "SL", "FL", "FD", "AT"))
TEXT = (SHORT_VRS | {"UC", "UR", "UT"}) - BINARY


class Explained(NamedTuple):
    """One element that changes. Before and after are what a person would read; both name the patient."""

    path: str
    keyword: str
    before: str
    after: str | None
    """None where the element is removed."""
    rule: str


@dataclass(slots=True)
class _Recorder:
    terms: tuple[str, ...]
    seen: list[Explained] = field(default_factory=list[Explained])

    def __call__(self, path: tuple[int, ...], before: Element, after: Element | None, rule: Rule) -> None:
        if after == before:
            return
        shown = "/".join(f"{tag >> 16:04X},{tag & 0xFFFF:04X}" for tag in path)
        keyword = keyword_of(path[-1])
        left = None if after is None else _shown(after, self.terms)
        self.seen.append(Explained(shown, keyword, _shown(before, self.terms), left, rule.describe(keyword)))


def explain_file(path: Path, profile: Profile, pseudonym: str) -> list[Explained]:
    """Return every change that the profile makes to a file, without writing anything.

    Raises as `deidentify_file` does, where the file would not leave.
    """
    parts = completed(read_parts(path), path.name)
    sop_class = text_of(parts.elements, SOP_CLASS)
    is_masked = bool(rectangles_for(profile.masks, parts.elements, parts.encoding))
    refuse_blocked(parts.elements, sop_class, profile.spec, is_masked=is_masked)
    recorder = _Recorder(tuple(text_of(parts.elements, CHARACTER_SET).split("\\")))
    change = change_data_set(
        parts.elements,
        profile,
        pseudonym,
        sop_class=sop_class,
        encoding=parts.encoding,
        observer=recorder,
    )
    if profile.spec.verify:
        refuse_leak(encode(change.elements, parts.encoding), change, profile)
    stamps = [Explained(*_stamp(element, recorder.terms)) for element in profile.stamps.values()]
    return recorder.seen + stamps


def _stamp(element: Element, terms: tuple[str, ...]) -> tuple[str, str, str, str, str]:
    place = f"{element.tag >> 16:04X},{element.tag & 0xFFFF:04X}"
    keyword = keyword_of(element.tag)
    return place, keyword, "", _shown(element, terms), f"{keyword} says what was done"


def _shown(element: Element, terms: tuple[str, ...]) -> str:
    if element.items is not None:
        return f"{len(element.items)} item{'' if len(element.items) == 1 else 's'}"
    if element.vr in TEXT:
        text = decode_text(element.value.strip(b" \0"), terms)
    else:
        text = element.value.hex(" ", 2) if element.vr in BINARY else f"{len(element.value)} bytes"
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"

"""Say what the rules do to one file, element by element, without writing anything.

What is returned holds the patient's own values: it is for the person who asked, never for a log.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from adit_cli.deid.blocked import refuse_blocked
from adit_cli.deid.change import change_data_set, text_of
from adit_cli.deid.files import SOP_CLASS, completed
from adit_cli.deid.parts import read_parts
from adit_cli.deid.profile import Profile
from adit_cli.deid.rules import Rule
from adit_cli.dicom.dictionary import keyword_of
from adit_cli.dicom.elements import Element
from adit_cli.dicom.text import decode_text

CHARACTER_SETS = 0x00080005
TEXTS = frozenset(
    ["AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"]
)


@dataclass(frozen=True, slots=True)
class Explained:
    """What became of one element; `after` is None where it was removed."""

    path: str
    vr: str
    before: str
    after: str | None
    rule: str


class _Notes:
    """Collects what the walk tells."""

    def __init__(self, character_sets: list[str]) -> None:
        self._character_sets = character_sets
        self.entries: list[Explained] = []

    def note(self, path: tuple[int, ...], before: Element, after: Element | None, rule: Rule) -> None:
        """Note one changed element."""
        name = keyword_of(path[-1])
        self.entries.append(
            Explained(
                "/".join(map(keyword_of, path)),
                before.vr,
                self._shown(before),
                None if after is None else self._shown(after),
                rule.describe(name).removeprefix(name).strip(),
            )
        )

    def _shown(self, element: Element) -> str:
        if element.items is not None:
            return f"{len(element.items)} items"
        if element.vr not in TEXTS:
            return f"{len(element.value)} bytes" if element.value else ""
        return decode_text(element.value, self._character_sets).strip(" \0")


def explain_file(source: Path, profile: Profile, pseudonym: str) -> list[Explained]:
    """Return every element that the profile changes in a file, in the file's order.

    Raises as `deidentify_file` does where the file would be held back for its kind.
    """
    parts = completed(read_parts(source), source.name)
    sop_class = text_of(parts.elements, SOP_CLASS)
    refuse_blocked(parts.elements, sop_class, profile.spec)
    notes = _Notes(text_of(parts.elements, CHARACTER_SETS).split("\\"))
    change_data_set(
        parts.elements, profile, pseudonym, sop_class=sop_class, encoding=parts.encoding, observer=notes.note
    )
    return notes.entries

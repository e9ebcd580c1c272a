"""Which old identifiers became which new ones: kept on request, for those who must be able to go back.

What is kept names patients. It is the user's alone, and it never lies beside what leaves.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from adit_cli.deid.change import Change
from adit_cli.deid.rules import Rule
from adit_cli.deid.table import PATIENT_ID
from adit_cli.dicom.dictionary import keyword_of
from adit_cli.dicom.elements import Element, Elements
from adit_cli.dicom.text import decode_text

UID_MAPPING, PATIENT_MAPPING, ACTIONS = "uid_mapping.csv", "patid_mapping.csv", "actions.csv"
HEADER = ("id_old", "id_new")
"""The form that the MIDI-B validation script reads."""
ACTIONS_HEADER = ("tag", "keyword", "action", "elements")
ISSUER, CHARACTER_SET = 0x00100021, 0x00080005


@dataclass(frozen=True, slots=True)
class Replaced:
    """What was replaced in one file that was written. It names the patient: treat it as their data."""

    uids: Mapping[str, str]
    issuer: str = ""
    old_id: str = ""
    """Empty where the patient has no ID, or none in the result."""
    new_id: str = ""
    actions: Mapping[tuple[int, str], int] = field(default_factory=dict[tuple[int, str], int])


@dataclass(slots=True)
class UidPairs:
    """Watches a walk, whatever the rule, for UIDs that get another value."""

    pairs: dict[str, str] = field(default_factory=dict[str, str])

    def __call__(self, _path: tuple[int, ...], before: Element, after: Element | None, _rule: Rule) -> None:
        """Take note of one change."""
        if after is None or after.vr != "UI" or after.items is not None:
            return
        old, new = _uids(before), _uids(after)
        if len(old) == len(new):
            self.pairs.update((a, b) for a, b in zip(old, new, strict=True) if a and b and a != b)


def replaced_in(original: Elements, change: Change, uids: UidPairs) -> Replaced:
    """Return what was replaced in a data set, with the patient's ID in its own character set."""
    old_id, new_id = _text(original, PATIENT_ID, original), _text(change.elements, PATIENT_ID, original)
    known = bool(old_id and new_id)
    issuer = _text(original, ISSUER, original) if known else ""
    return Replaced(
        uids.pairs, issuer, old_id if known else "", new_id if known else "", dict(change.actions)
    )


@dataclass(slots=True)
class Evidence:
    """What was replaced in many files."""

    uids: dict[str, str] = field(default_factory=dict[str, str])
    patients: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    """By issuer and ID: two hospitals may have given the same ID to two patients."""
    actions: Counter[tuple[int, str]] = field(default_factory=Counter[tuple[int, str]])

    def add(self, replaced: Replaced) -> None:
        """Take in what was replaced in one file."""
        self.uids.update(replaced.uids)
        if replaced.old_id:
            self.patients[replaced.issuer, replaced.old_id] = replaced.new_id
        self.actions.update(replaced.actions)

    def write(self, folder: Path) -> None:
        """Write both mappings and the report of actions, readable by nobody else."""
        patients = ((old, new) for (_, old), new in sorted(self.patients.items()))
        _write(folder / UID_MAPPING, HEADER, sorted(self.uids.items()))
        _write(folder / PATIENT_MAPPING, HEADER, patients)
        _write(folder / ACTIONS, ACTIONS_HEADER, map(_action, sorted(self.actions.items())))


def _action(counted: tuple[tuple[int, str], int]) -> tuple[str, ...]:
    (tag, action), number = counted
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})", keyword_of(tag), action, str(number)


def _uids(element: Element) -> list[str]:
    return [value.strip(" \0") for value in element.value.decode("latin_1").split("\\")]


def _text(elements: Elements, tag: int, original: Elements) -> str:
    element, charset = elements.get(tag), original.get(CHARACTER_SET)
    if element is None:
        return ""
    terms = charset.value.decode("latin_1").strip(" \0") if charset else ""
    return decode_text(element.value, tuple(terms.split("\\"))).strip(" \0")


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Put a new file in the place of an old one at once, so that a killed run leaves one or the other."""
    part = path.with_name(f".{path.name}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(header)
        table.writerows(rows)
    part.replace(path)

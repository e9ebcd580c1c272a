"""Which old identifiers became which new ones: kept on request, for those who must be able to go back."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from adit_cli.deid.rules import NewUid, Pseudonym, Rule
from adit_cli.deid.table import PATIENT_ID
from adit_cli.dicom.elements import Element

UID_MAPPING, PATIENT_MAPPING = "uid_mapping.csv", "patid_mapping.csv"
HEADER = ("id_old", "id_new")
"""The form that the MIDI-B validation script reads."""


@dataclass(slots=True)
class Evidence:
    """What was replaced in the files that it was handed to. It names patients: treat it as their data."""

    uids: dict[str, str] = field(default_factory=dict[str, str])
    patients: dict[str, str] = field(default_factory=dict[str, str])

    def __call__(self, _path: tuple[int, ...], before: Element, after: Element | None, rule: Rule) -> None:
        """Take note of one change."""
        if after is None:
            return
        if isinstance(rule, NewUid):
            pairs = zip(_values(before), _values(after), strict=True)
            self.uids.update((old, new) for old, new in pairs if old != new)
        elif isinstance(rule, Pseudonym) and before.tag == PATIENT_ID and _values(before) != [""]:
            self.patients[_values(before)[0]] = _values(after)[0]

    def write(self, folder: Path) -> None:
        """Write both mappings, readable by nobody else."""
        _write(folder / UID_MAPPING, self.uids)
        _write(folder / PATIENT_MAPPING, self.patients)


def _values(element: Element) -> list[str]:
    return [value.strip(" \0") for value in element.value.decode("latin_1").split("\\")]


def _write(path: Path, pairs: Mapping[str, str]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(HEADER)
        rows.writerows(sorted(pairs.items()))

"""Where the results of `adit deid` go. No name, ID or UID of the originals is ever in a path."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath

from adit_cli.deid.pseudonyms import code
from adit_cli.dicom.dictionary import tag_of
from adit_cli.dicom.vr import standard_vr
from adit_cli.nodes.layout import Layout

TREE = "tree"
"""The layout that keeps the folders, under names that say nothing."""
BY_PATIENT = "{PatientID}/{StudyInstanceUID}/{SOPInstanceUID}.dcm"
IN_THE_TREE = "{SOPInstanceUID}.dcm"
TELLING = frozenset(("UI", "PN", "DA", "DT"))
NUMBERS = frozenset((0x00080050, 0x00100020, 0x00100021, 0x00101000, 0x00200010))
"""Accession number, patient's IDs and their issuer, study ID."""
LETTERS = 16


@dataclass(frozen=True)
class Places:
    """Makes paths, by a template over a result's attributes or along the folders of the originals."""

    layout: str
    key: bytes = field(repr=False)

    @cached_property
    def template(self) -> Layout:
        """The template below the folders that are kept."""
        return Layout(IN_THE_TREE if self.layout == TREE else self.layout)

    @property
    def keywords(self) -> frozenset[str]:
        """What a result, and its original, must be asked for."""
        return self.template.keywords | {"StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"}

    def place(
        self,
        values: Mapping[str, str],
        original: Mapping[str, str],
        modalities: Iterable[str],
        folders: Iterable[str],
    ) -> PurePosixPath:
        """Return where a result goes; what a rule has kept of the original is a code in its path."""
        shown = {keyword: self._shown(keyword, value, original) for keyword, value in values.items()}
        above = [self._code(name) for name in folders] if self.layout == TREE else []
        return PurePosixPath(*above, self.template.place(shown, modalities))

    def _shown(self, keyword: str, value: str, original: Mapping[str, str]) -> str:
        kept = value and value == original.get(keyword)
        return self._code(value) if kept and _tells(keyword) else value

    def _code(self, text: str) -> str:
        return code(self.key, text.encode("utf-8", "surrogateescape"), LETTERS)


def _tells(keyword: str) -> bool:
    tag = tag_of(keyword) or 0
    return tag in NUMBERS or standard_vr(tag) in TELLING

"""De-identify one file: take its header apart, change it, prove it clean, and copy the pixel data behind it.

Pixel data is neither parsed nor decoded; nothing is written before the new header has passed the search.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from adit_cli.deid.blocked import refuse_blocked
from adit_cli.deid.change import Change, change_data_set, text_of
from adit_cli.deid.evidence import Replaced, UidPairs, replaced_in
from adit_cli.deid.masks import rectangles_for
from adit_cli.deid.parts import Parts, read_parts
from adit_cli.deid.pixels import masked
from adit_cli.deid.profile import Profile
from adit_cli.deid.transplant import write_parts
from adit_cli.deid.verify import find_leak
from adit_cli.dicom.elements import Element, encode
from adit_cli.dicom.files import part10_header
from adit_cli.errors import DataError, DeidError, Reason

SOP_CLASS, SOP_INSTANCE, STUDY_UID, SERIES_UID = 0x00080016, 0x00080018, 0x0020000D, 0x0020000E
META_SOP_CLASS, META_SOP_INSTANCE = 0x00020002, 0x00020003


@dataclass(frozen=True, slots=True)
class DeidResult:
    """What became of a file."""

    sop_class_uid: str
    sop_instance_uid: str
    """The new one, as all the UIDs here."""
    study_uid: str
    series_uid: str
    transfer_syntax_uid: str
    size: int
    actions: Mapping[tuple[int, str], int] = field(default_factory=dict[tuple[int, str], int])
    """How many elements of which tag were changed by which kind of rule."""
    replaced: Replaced | None = field(default=None, repr=False)
    """Which identifiers became which, where that was asked for."""


def deidentify_file(
    source: Path, target: Path, profile: Profile, pseudonym: str, *, noting: bool = False
) -> DeidResult:
    """Write `target` as the profile leaves `source`; with `noting`, tell what was replaced.

    DataError where the source is no whole DICOM file, DeidError where it may not leave (`deid-blocked`) or
    would still name its patient (`leak`); there is no target then.
    """
    parts = completed(read_parts(source), source.name)
    sop_class = text_of(parts.elements, SOP_CLASS)
    rectangles = rectangles_for(profile.masks, parts.elements, parts.encoding)
    refuse_blocked(parts.elements, sop_class, profile.spec, is_masked=bool(rectangles))
    if rectangles:
        parts = masked(source, parts, rectangles)
    uids = UidPairs() if noting else None
    change = change_data_set(
        parts.elements,
        profile,
        pseudonym,
        sop_class=sop_class,
        encoding=parts.encoding,
        observer=uids,
    )
    head = part10_header(sop_class, text_of(change.elements, SOP_INSTANCE), parts.transfer_syntax_uid)
    body = encode(change.elements, parts.encoding)
    if profile.spec.verify:
        refuse_leak(head + body, change, profile)
    size = write_parts(source, target, (head, body), parts)
    return DeidResult(
        sop_class,
        text_of(change.elements, SOP_INSTANCE),
        text_of(change.elements, STUDY_UID),
        text_of(change.elements, SERIES_UID),
        parts.transfer_syntax_uid,
        size,
        change.actions,
        replaced_in(parts.elements, change, uids) if uids else None,
    )


def completed(parts: Parts, name: str) -> Parts:
    """Return the parts with SOP class and instance UID, from the file meta where the data set lacks them."""
    for tag, meta_tag in ((SOP_CLASS, META_SOP_CLASS), (SOP_INSTANCE, META_SOP_INSTANCE)):
        if not text_of(parts.elements, tag):
            if not text_of(parts.meta, meta_tag):
                raise DataError(f"{name} has no SOP Class or SOP Instance UID")
            parts.elements[tag] = Element(tag, "UI", parts.meta[meta_tag].value)
    return parts


def refuse_leak(header: bytes, change: Change, profile: Profile) -> None:
    """Raise DeidError where the header to be written still holds what the rules took out."""
    path = find_leak(header, change.elements, change.originals, profile.disclosed)
    if path:
        raise DeidError(
            f"An identifier of the patient or the study would still be in {path}.",
            hint="Give that element a rule under deidentify.rules, such as remove.",
            reason=Reason.LEAK,
        )

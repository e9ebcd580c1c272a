"""A folder as a node, as the user wrote it: where its files lie, and what is made of them on the way out."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from adit_cli.jobfile.archive import ArchiveForm
from adit_cli.jobfile.keywords import known_keyword
from adit_cli.jobfile.strict import Strict
from adit_cli.jobfile.values import RelativePath

DEFAULT_LAYOUT = (
    "{PatientID}/{StudyDate}-{StudyTime}-{Modalities}/{SeriesNumber}-{SeriesDescription}/{SOPInstanceUID}.dcm"
)

_FIELD = re.compile(r"\{([^{}:!]*)[^{}]*\}")


def _checked_layout(layout: str) -> str:
    """Refuse what cannot be a place for files; the folder node itself knows the finer rules."""
    levels = re.split(r"[/\\]", layout)
    if "" in levels or ".." in levels or "." in levels:
        raise ValueError("must be relative folders and a file name, without empty or dotted parts")
    if re.search(r"[{}]", _FIELD.sub("", layout)):
        raise ValueError("has a brace that is not closed: write keywords as {PatientID}")
    for keyword in _FIELD.findall(layout):
        if keyword != "Modalities":
            known_keyword(keyword)
    if not _FIELD.search(levels[-1]):
        raise ValueError("gives every file the same name: end it with {SOPInstanceUID}.dcm")
    return layout


class FolderNode(Strict):
    """A folder of DICOM files, on the way in or out."""

    folder: RelativePath = Field(description="The folder; relative to the job file.", examples=["out/"])
    layout: Annotated[str, AfterValidator(_checked_layout)] = Field(
        default=DEFAULT_LAYOUT,
        description="Where a file goes in the folder: DICOM keywords in braces.",
        examples=["{PatientID}/{SeriesNumber}/{SOPInstanceUID}.dcm"],
    )
    archive: ArchiveForm | None = Field(
        default=None,
        description="On the way out: pack into archives; `zip`, `7z` or a mapping of the keys below.",
        examples=["zip"],
    )
    manifest: bool = Field(
        default=False,
        description="On the way out: SHA-256 sums of the files, or of each archive, for `sha256sum -c`.",
        examples=[True],
    )

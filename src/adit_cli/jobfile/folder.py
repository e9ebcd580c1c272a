"""A folder as a node, as the user wrote it: where its files lie, and what is made of them on the way out."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, model_validator

from adit_cli.jobfile.archive import Archive, ArchiveForm
from adit_cli.jobfile.keywords import known_keyword
from adit_cli.jobfile.strict import Strict
from adit_cli.jobfile.values import RelativePath

DEFAULT_LAYOUT = (
    "{PatientID}/{StudyDate}-{StudyTime}-{Modalities}/{SeriesNumber}-{SeriesDescription}/{SOPInstanceUID}.dcm"
)
DISC_LAYOUT = "{PatientID:hash}/{StudyInstanceUID:hash}/{SeriesInstanceUID:hash}/{SOPInstanceUID:hash}"
NIFTI_LAYOUT = "{PatientID}/{StudyDate}-{StudyTime}-{Modalities}/{SeriesNumber}-{SeriesDescription}"

_FIELD = re.compile(r"\{([^{}:!,]*(?:,[0-9A-Fa-f]{4})?)([:!,][^{}]*)?\}")
_FORMAT = re.compile(r":0\d{1,2}|:\.\d{1,3}|[:,]hash")
_TAG = re.compile(r"([0-9A-Fa-f]{4}),?([0-9A-Fa-f]{4})")
_UNSAFE = re.compile(r'[<>:"|?*\x00-\x1f]')


def _checked_layout(layout: str) -> str:
    """Refuse what cannot be a place for files."""
    levels = re.split(r"[/\\]", layout)
    if "" in levels or ".." in levels or "." in levels:
        raise ValueError("must be relative folders and a file name, without empty or dotted parts")
    literal = _FIELD.sub("", layout)
    if re.search(r"[{}]", literal):
        raise ValueError("has a brace that is not closed: write keywords as {PatientID}")
    if _UNSAFE.search(literal):
        raise ValueError('holds one of <>:"|?* or a control character, which not every disk takes in a name')
    for name, form in _FIELD.findall(layout):
        if name != "Modalities":
            known_keyword(_TAG.sub(r"\1,\2", name) if _TAG.fullmatch(name) else name)
        if form and not _FORMAT.fullmatch(form):
            raise ValueError(f"has the format {form!r} that is not known: use :03, :.20 or :hash")
    if not _FIELD.search(levels[-1]):
        raise ValueError("gives every file the same name: end it with {SOPInstanceUID}.dcm")
    return layout


class FolderNode(Strict):
    """A folder of DICOM files, on the way in or out."""

    folder: RelativePath = Field(description="The folder; relative to the job file.", examples=["out/"])
    layout: Annotated[str, AfterValidator(_checked_layout)] = Field(
        default=DEFAULT_LAYOUT,
        description="Where a file goes in the folder: DICOM keywords, or tags such as `{00100020}`, in "
        "braces; `{SeriesNumber:03}` pads, `{StudyDescription:.20}` cuts, `{PatientID:hash}` is short.",
        examples=["{PatientID}/{SeriesNumber}/{SOPInstanceUID}.dcm"],
    )
    archive: ArchiveForm | None = Field(
        default=None,
        description="On the way out: pack into archives; `zip`, `7z` or a mapping of the keys below. On the "
        "way in, its `password` opens encrypted archives.",
        examples=["zip"],
    )
    format: Literal["dicom", "nifti"] = Field(
        default="dicom",
        description="On the way out: images as they are, or each series as NIfTI by the program `dcm2niix`.",
        examples=["nifti"],
    )
    dicomdir: bool = Field(
        default=False,
        description="On the way out: a DICOMDIR at the top of the folder, or of each archive, and names "
        "as discs need them.",
        examples=[True],
    )
    manifest: bool = Field(
        default=False,
        description="On the way out: SHA-256 sums of the files, or of each archive, for `sha256sum -c`.",
        examples=[True],
    )

    @model_validator(mode="after")
    def _directory_fits(self) -> FolderNode:
        if not self.dicomdir:
            return self
        if self.format == "nifti":
            raise ValueError("`dicomdir` lists DICOM images: leave it out, or `format: nifti`")
        if "layout" in self.model_fields_set:
            raise ValueError("with `dicomdir` names are as discs need them (PS3.10 §8.5): leave out `layout`")
        if self.archive and self.archive.format == "zip" and self.archive.password:
            raise ValueError("an encrypted zip shows names that `dicomdir` needs: take `format: 7z`")
        return self

    def opened_with(self, password: str) -> FolderNode:
        """Return it with a password for the archives in it, unless it has one."""
        if not password or (self.archive and self.archive.password):
            return self
        archive = (self.archive or Archive(format="7z")).model_copy(update={"password": SecretStr(password)})
        return self.model_copy(update={"archive": archive})

    @property
    def filing(self) -> str:
        """Where files go on the way out: without a layout of the user's, one that fits what is made."""
        if self.dicomdir:
            return DISC_LAYOUT
        if self.format == "nifti" and "layout" not in self.model_fields_set:
            return NIFTI_LAYOUT
        return self.layout

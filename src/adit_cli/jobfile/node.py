"""Where images come from and go to, as the user wrote it. A node is a server or a folder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
)

from adit_cli.dicom.dictionary import tag_of
from adit_cli.jobfile.values import AeTitle, RelativePath

SHORT_DIMSE = re.compile(
    r"(?P<ae_title>[^@\\]{1,16})@(?P<host>\[[0-9a-fA-F:.]+\]|[^:@/\s]+):(?P<port>\d{1,5})"
)
DEFAULT_LAYOUT = (
    "{PatientID}/{StudyDate}-{StudyTime}-{Modalities}/{SeriesNumber}-{SeriesDescription}/{SOPInstanceUID}.dcm"
)


class Strict(BaseModel):
    """What every model of a job file is: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Timeouts(Strict):
    """How long a peer may be silent, in seconds (PS3.8 §9.1.5 names the association request timer)."""

    connect: float = Field(default=15, gt=0, description="TCP and TLS set-up.", examples=[15])
    acse: float = Field(
        default=30, gt=0, description="Answer to an association request or release.", examples=[30]
    )
    dimse: float = Field(
        default=120, gt=0, description="Silence while a request is under way.", examples=[120]
    )
    total: float | None = Field(
        default=None, gt=0, description="A whole request; no limit by default.", examples=[3600]
    )


def _from_short_form(value: object) -> object:
    if not isinstance(value, str):
        return value
    found = SHORT_DIMSE.fullmatch(value.strip())
    if found is None:
        raise ValueError("write it as AE_TITLE@host:port")
    return {**found.groupdict(), "host": found["host"].strip("[]"), "port": int(found["port"])}


_FIELD = re.compile(r"\{([^{}:!]*)[^{}]*\}")


def _checked_layout(layout: str) -> str:
    """Refuse what cannot be a place for files; the folder node itself knows the finer rules."""
    levels = re.split(r"[/\\]", layout)
    if "" in levels or ".." in levels or "." in levels:
        raise ValueError("must be relative folders and a file name, without empty or dotted parts")
    if re.search(r"[{}]", _FIELD.sub("", layout)):
        raise ValueError("has a brace that is not closed: write keywords as {PatientID}")
    for keyword in _FIELD.findall(layout):
        if keyword != "Modalities" and tag_of(keyword) is None:
            raise ValueError(
                f"{{{keyword}}} is no DICOM keyword: use one such as {{PatientID}}, or {{Modalities}}"
            )
    if not _FIELD.search(levels[-1]):
        raise ValueError("gives every file the same name: end it with {SOPInstanceUID}.dcm")
    return layout


class DimsePeer(Strict):
    """A peer Application Entity."""

    ae_title: AeTitle = Field(description="The peer's (called) AE title.", examples=["CLINICAL"])
    host: Annotated[str, StringConstraints(pattern=r"^[^\s/@]+$")] = Field(
        description="Its name or address.", examples=["pacs.example.org"]
    )
    port: int = Field(ge=1, le=65535, description="Its port, usually 104 or 11112.", examples=[104])
    calling_ae_title: AeTitle | None = Field(
        default=None,
        description="How we call ourselves there; else as in the user's config.",
        examples=["ADIT"],
    )
    timeouts: Timeouts = Field(default=Timeouts(), description="How long the peer may be silent.")


class Limits(Strict):
    """How much of a node may be used at once, by all jobs of this machine together."""

    associations: int = Field(
        default=2, ge=1, le=64, description="Associations at the same time.", examples=[2]
    )


class ServerNode(Strict):
    """A PACS or another server that speaks DIMSE."""

    dimse: Annotated[DimsePeer, BeforeValidator(_from_short_form, json_schema_input_type=str | DimsePeer)] = (
        Field(
            description="`AE_TITLE@host:port`, or a mapping of the keys below.",
            examples=["CLINICAL@pacs.example.org:104"],
        )
    )
    limits: Limits = Field(default=Limits(), description="How much of it may be used at once.")


class FolderNode(Strict):
    """A folder of DICOM files, on the way in or out."""

    folder: RelativePath = Field(description="The folder; relative to the job file.", examples=["out/"])
    layout: Annotated[str, AfterValidator(_checked_layout)] = Field(
        default=DEFAULT_LAYOUT,
        description="Where a file goes in the folder: DICOM keywords in braces.",
        examples=["{PatientID}/{SeriesNumber}/{SOPInstanceUID}.dcm"],
    )


NodeSpec: TypeAlias = ServerNode | FolderNode


def _kind(value: object) -> str | None:
    """Return which kind of node is written here, so that a mistake in it is reported once."""
    if isinstance(value, BaseModel):
        return type(value).__name__
    if not isinstance(value, Mapping):
        return None
    return {"dimse": "ServerNode", "folder": "FolderNode"}.get(
        next((k for k in ("dimse", "folder") if k in value), "")
    )


AnyNode: TypeAlias = Annotated[
    Annotated[ServerNode, Tag("ServerNode")] | Annotated[FolderNode, Tag("FolderNode")],
    Discriminator(
        _kind,
        custom_error_type="node_kind",
        custom_error_message="a node needs a mapping with `dimse: AE_TITLE@host:port` or `folder: PATH`",
    ),
]
"""A node where it is read from YAML."""


def label(node: NodeSpec) -> str:
    """Return the node as shown in messages and tables."""
    match node:
        case ServerNode():
            return f"{node.dimse.ae_title}@{node.dimse.host}:{node.dimse.port}"
        case FolderNode():
            return str(node.folder)

"""Where images come from and go to, as the user wrote it. A node is a server or a folder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

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

    connect: float = Field(default=15, gt=0, description="TCP and TLS set-up")
    acse: float = Field(default=30, gt=0, description="answer to an association request or release")
    dimse: float = Field(default=120, gt=0, description="silence while a request is under way")
    total: float | None = Field(default=None, gt=0, description="a whole request; none by default")


def _from_short_form(value: object) -> object:
    if not isinstance(value, str):
        return value
    found = SHORT_DIMSE.fullmatch(value.strip())
    if found is None:
        raise ValueError("write it as AE_TITLE@host:port")
    return {**found.groupdict(), "host": found["host"].strip("[]"), "port": int(found["port"])}


class DimsePeer(Strict):
    """A peer Application Entity."""

    ae_title: str = Field(min_length=1, max_length=16, description="the peer's (called) AE title")
    host: str = Field(min_length=1)
    port: int = Field(ge=1, le=65535)
    calling_ae_title: str | None = Field(default=None, min_length=1, max_length=16)
    timeouts: Timeouts = Timeouts()


class Limits(Strict):
    """How much of a node may be used at once, by all jobs of this machine together."""

    associations: int = Field(default=2, ge=1, le=64)


class ServerNode(Strict):
    """A PACS or another server that speaks DIMSE."""

    dimse: Annotated[DimsePeer, BeforeValidator(_from_short_form)]
    limits: Limits = Limits()


class FolderNode(Strict):
    """A folder of DICOM files, on the way in or out."""

    folder: Path
    layout: str = DEFAULT_LAYOUT


NodeSpec: TypeAlias = ServerNode | FolderNode


def label(node: NodeSpec) -> str:
    """Return the node as shown in messages and tables."""
    match node:
        case ServerNode():
            return f"{node.dimse.ae_title}@{node.dimse.host}:{node.dimse.port}"
        case FolderNode():
            return str(node.folder)

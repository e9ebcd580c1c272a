"""Where images come from and go to, as the user wrote it. A node is a server or a folder."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, TypeAlias, assert_never

from pydantic import (
    BaseModel,
    BeforeValidator,
    Discriminator,
    Field,
    SecretStr,
    StringConstraints,
    Tag,
    model_validator,
)

from adit_cli.jobfile.dicomweb import DicomwebPeer, from_url
from adit_cli.jobfile.folder import FolderNode
from adit_cli.jobfile.strict import Strict
from adit_cli.jobfile.tls import PeerTls
from adit_cli.jobfile.values import AeTitle
from adit_cli.jobfile.window import WrittenWindows

SHORT_DIMSE = re.compile(
    r"(?P<ae_title>[^@\\]{1,16})@(?P<host>\[[0-9a-fA-F:.]+\]|[^:@/\s]+):(?P<port>\d{1,5})"
)
MAX_PORT = 65535


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
    if not 1 <= int(found["port"]) <= MAX_PORT:
        raise ValueError(f"the port must be 1 to {MAX_PORT}")
    return {**found.groupdict(), "host": found["host"].strip("[]"), "port": int(found["port"])}


class Identity(Strict):
    """Who asks, besides the AE title (user identity negotiation, PS3.7 §D.3.3.7); only safe with TLS."""

    username: Annotated[str, StringConstraints(min_length=1)] = Field(
        description="The user.", examples=["adit"]
    )
    password: SecretStr | None = Field(
        default=None, description="The password, where one is wanted.", examples=["${PACS_PASSWORD}"]
    )


class DimsePeer(Strict):
    """A peer Application Entity."""

    ae_title: AeTitle = Field(description="The peer's (called) AE title.", examples=["CLINICAL"])
    host: Annotated[str, StringConstraints(pattern=r"^[^\s/@]+$")] = Field(
        description="Its name or address.", examples=["pacs.example.org"]
    )
    port: int = Field(ge=1, le=MAX_PORT, description="Its port, usually 104 or 11112.", examples=[104])
    calling_ae_title: AeTitle | None = Field(
        default=None,
        description="How we call ourselves there; else as in the user's config.",
        examples=["ADIT"],
    )
    tls: PeerTls = Field(
        default=None,
        description="`true`, or a mapping of the keys below, where it wants TLS.",
        examples=[True],
    )
    identity: Identity | None = Field(
        default=None, description="User name and password, where it asks for them."
    )
    timeouts: Timeouts = Field(default=Timeouts(), description="How long the peer may be silent.")
    settle: float = Field(
        default=10,
        ge=0,
        description="With C-MOVE: seconds to wait for what is still missing after the peer said that it is "
        "done; some say so before they send.",
        examples=[30],
    )


class Limits(Strict):
    """How much of a node may be used, and when, by all jobs of this machine together."""

    associations: int = Field(
        default=2, ge=1, le=64, description="Associations, or DICOMweb connections, at once.", examples=[2]
    )
    max_results: int | None = Field(
        default=None,
        ge=1,
        description="The most answers that it gives to a query, where that is known; else it is recognised. "
        "What is cut is asked again in shorter times.",
        examples=[200],
    )
    studies_per_hour: int | None = Field(
        default=None,
        ge=1,
        description="The most studies that jobs begin with in any hour, spread evenly over it.",
        examples=[300],
    )
    window: WrittenWindows = Field(
        default=(),
        description="When jobs may move studies from and to it: days, times, or both, in the time of this "
        "machine; one that passes midnight belongs to the day it begins on. Several add up. Always, if "
        "left out.",
        examples=[["Mon-Fri 19:00-06:00", "Sat-Sun"]],
    )


FindWay: TypeAlias = Literal["qido-rs", "c-find"]
RetrieveWay: TypeAlias = Literal["wado-rs", "c-get", "c-move"]
StoreWay: TypeAlias = Literal["stow-rs", "c-store"]
_OVER_DICOMWEB = frozenset(("qido-rs", "wado-rs", "stow-rs"))


class ServerNode(Strict):
    """A PACS or another server: it speaks DIMSE, DICOMweb or both."""

    dimse: (
        Annotated[DimsePeer, BeforeValidator(_from_short_form, json_schema_input_type=str | DimsePeer)] | None
    ) = Field(
        default=None,
        description="`AE_TITLE@host:port`, or a mapping of the keys below.",
        examples=["CLINICAL@pacs.example.org:104"],
    )
    dicomweb: (
        Annotated[DicomwebPeer, BeforeValidator(from_url, json_schema_input_type=str | DicomwebPeer)] | None
    ) = Field(
        default=None,
        description="The root URL of its DICOMweb services, or a mapping of the keys below.",
        examples=["https://pacs.example.org/dicom-web"],
    )
    find: tuple[FindWay, ...] = Field(
        default=("qido-rs", "c-find"),
        min_length=1,
        description="How to search, in order of preference; the next is taken where one isn't supported.",
        examples=[["c-find"]],
    )
    retrieve: tuple[RetrieveWay, ...] = Field(
        default=("wado-rs", "c-get", "c-move"),
        min_length=1,
        description="How to fetch, in order of preference.",
        examples=[["c-get", "wado-rs"]],
    )
    store: tuple[StoreWay, ...] = Field(
        default=("stow-rs", "c-store"),
        min_length=1,
        description="How to send, in order of preference.",
        examples=[["c-store"]],
    )
    transcode: Literal["allow", "never"] = Field(
        default="never",
        description="Whether C-STORE may send an image uncompressed to a peer that takes nothing else.",
        examples=["allow"],
    )
    limits: Limits = Field(default=Limits(), description="How much of it may be used, and when.")

    @model_validator(mode="after")
    def _has_a_way(self) -> ServerNode:
        if self.dimse is None and self.dicomweb is None:
            raise ValueError("needs `dimse: AE_TITLE@host:port`, `dicomweb: URL` or both")
        if self.transcode == "allow" and self.dimse is None:
            raise ValueError("`transcode` is for C-STORE, which needs `dimse`")
        for verb in ("find", "retrieve", "store"):
            if not self.ways(getattr(self, verb)):
                needed = "dicomweb" if self.dicomweb is None else "dimse"
                raise ValueError(f"`{verb}` names only ways that need `{needed}`, which isn't there")
        return self

    def ways(self, preferred: Sequence[str]) -> list[str]:
        """Return those of the preferred ways that this server was given an address for."""
        return [
            way for way in preferred if (self.dicomweb if way in _OVER_DICOMWEB else self.dimse) is not None
        ]


NodeSpec: TypeAlias = ServerNode | FolderNode


def _kind(value: object) -> str | None:
    """Return which kind of node is written here, so that a mistake in it is reported once."""
    if isinstance(value, BaseModel):
        return type(value).__name__
    if not isinstance(value, Mapping):
        return None
    kinds = {"dimse": "ServerNode", "dicomweb": "ServerNode", "folder": "FolderNode"}
    return next((kind for key, kind in kinds.items() if key in value), None)


AnyNode: TypeAlias = Annotated[
    Annotated[ServerNode, Tag("ServerNode")] | Annotated[FolderNode, Tag("FolderNode")],
    Discriminator(
        _kind,
        custom_error_type="node_kind",
        custom_error_message=(
            "a node needs a mapping with `dimse: AE_TITLE@host:port`, `dicomweb: URL` or `folder: PATH`"
        ),
    ),
]
"""A node where it is read from YAML."""


def label(node: NodeSpec) -> str:
    """Return the node as shown in messages and tables."""
    match node:
        case ServerNode(dimse=DimsePeer() as peer):
            return f"{peer.ae_title}@{peer.host}:{peer.port}"
        case ServerNode():
            return node.dicomweb.url if node.dicomweb else ""
        case FolderNode():
            return str(node.folder)
        case _:
            assert_never(node)

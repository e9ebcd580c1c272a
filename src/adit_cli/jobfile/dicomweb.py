"""A DICOMweb service as the user wrote it (PS3.18): where it is, and how we show who we are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from adit_cli.jobfile.strict import Strict
from adit_cli.jobfile.tls import OwnCertificate
from adit_cli.jobfile.values import RelativePath

HTTP_URL = re.compile(r"https?://", re.IGNORECASE)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OURS = frozenset(("accept", "accept-encoding", "connection", "content-length", "content-type", "host"))


def _checked_url(text: str) -> str:
    url = text.strip().rstrip("/")
    parts = urlsplit(url)
    if not HTTP_URL.match(url) or not parts.hostname or re.search(r"[\s\x00-\x1f]", url):
        raise ValueError("write it as https://host/path or https://host:port/path")
    if parts.username is not None or parts.password is not None:
        # Of this kind, so that what stands in the file is not repeated.
        said = "must not hold a user name or password: write `auth: {basic: ...}` beside it"
        raise PydanticCustomError("misplaced", "{error}", {"error": said})
    if parts.query or parts.fragment:
        raise ValueError("ends before the ? or #: give the service's root")
    if not parts.path.isascii():
        raise ValueError("must have umlauts and such as %C3%B6, as the address line of a browser copies them")
    if parts.port == 0:
        raise ValueError("port 0 is no place to connect to")
    return url


def _checked_prefix(text: str) -> str:
    prefix = text.strip("/")
    if not re.fullmatch(r"[A-Za-z0-9._~/-]*", prefix):
        raise ValueError("must be a plain path such as qido or rs/wado")
    return prefix


def _sendable(secret: SecretStr) -> SecretStr:
    """Refuse what would end a header line; the value itself is never shown."""
    if re.search(r"[^\x20-\x7e]", secret.get_secret_value()):
        raise ValueError("holds a sign that cannot be sent in a header (a line break, perhaps)")
    return secret


def _checked_headers(headers: Mapping[str, SecretStr]) -> Mapping[str, SecretStr]:
    for name in headers:
        if not _TOKEN.fullmatch(name):
            raise ValueError("a header's name has letters, digits and dashes only")
        if name.casefold() in _OURS:
            raise ValueError(f"{name} is set by the program itself")
    return headers


Url: TypeAlias = Annotated[str, AfterValidator(_checked_url), Field(json_schema_extra={"format": "uri"})]
Prefix: TypeAlias = Annotated[str, AfterValidator(_checked_prefix)]
HeaderSecret: TypeAlias = Annotated[SecretStr, AfterValidator(_sendable)]


class WebTimeouts(Strict):
    """How long a service may be silent, in seconds."""

    connect: float = Field(default=15, gt=0, description="TCP and TLS set-up.", examples=[15])
    read: float = Field(
        default=120, gt=0, description="Silence while a request is under way.", examples=[120]
    )
    total: float | None = Field(
        default=None, gt=0, description="A whole request; no limit by default.", examples=[3600]
    )


class BasicAuth(Strict):
    """A user name and password, sent with every request (RFC 7617); only safe over https."""

    username: Annotated[str, Field(pattern=r"^[^:\x00-\x1f]+$")] = Field(
        description="The user.", examples=["adit"]
    )
    password: SecretStr = Field(description="The password.", examples=["${PACS_PASSWORD}"])


class WebAuth(Strict):
    """How we show who we are: one of the two."""

    bearer: HeaderSecret | None = Field(
        default=None, description="A token (RFC 6750).", examples=["${PACS_TOKEN}"]
    )
    basic: BasicAuth | None = Field(default=None, description="User name and password.")

    @model_validator(mode="after")
    def _has_one(self) -> WebAuth:
        if (self.bearer is None) == (self.basic is None):
            raise ValueError("needs either bearer or basic")
        return self


class DicomwebPeer(Strict):
    """A DICOMweb service: QIDO-RS, WADO-RS and STOW-RS below one URL."""

    url: Url = Field(
        description="Its root, below which `/studies` is.", examples=["https://pacs.example.org/dicom-web"]
    )
    qido_prefix: Prefix = Field(
        default="", description="Where searches go, below the URL.", examples=["qido"]
    )
    wado_prefix: Prefix = Field(
        default="", description="Where retrieval goes, below the URL.", examples=["wado"]
    )
    stow_prefix: Prefix = Field(default="", description="Where stores go, below the URL.", examples=["stow"])
    auth: WebAuth | None = Field(default=None, description="A token, or a user name and password.")
    ca: RelativePath | None = Field(
        default=None,
        description="PEM file of the authorities to trust, in place of the system's.",
        examples=["ca.pem"],
    )
    client_cert: OwnCertificate | None = Field(
        default=None, description="Our certificate: a PEM file, or a mapping.", examples=["client.pem"]
    )
    headers: Annotated[dict[str, HeaderSecret], AfterValidator(_checked_headers)] = Field(
        default={}, description="Further request headers.", examples=[{"X-Api-Key": "${PACS_API_KEY}"}]
    )
    timeouts: WebTimeouts = Field(default=WebTimeouts(), description="How long the service may be silent.")


def from_url(value: object) -> object:
    """Return the mapping that a bare URL stands for."""
    return {"url": value} if isinstance(value, str) else value

"""TLS as the user wrote it: whom we trust, and the certificate with which we show who we are."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, Field, SecretStr, StringConstraints

from adit_cli.jobfile.strict import Strict
from adit_cli.jobfile.values import RelativePath


class Certificate(Strict):
    """A certificate of ours, with its key."""

    file: RelativePath = Field(
        description="PEM file with the certificate, and the key if it is not apart.", examples=["client.pem"]
    )
    key: RelativePath | None = Field(
        default=None, description="PEM file with the key.", examples=["client.key"]
    )
    password: SecretStr | None = Field(
        default=None, description="The key's password.", examples=["${CLIENT_KEY_PASSWORD}"]
    )


def _from_file(value: object) -> object:
    return {"file": value} if isinstance(value, str) else value


OwnCertificate: TypeAlias = Annotated[
    Certificate, BeforeValidator(_from_file, json_schema_input_type=str | Certificate)
]
"""A certificate that may be written as its file alone."""


class Tls(Strict):
    """TLS towards a DICOM peer (PS3.15 §B.12): version 1.2 or newer."""

    ca: RelativePath | None = Field(
        default=None,
        description="PEM file of the authorities to trust, in place of the system's.",
        examples=["ca.pem"],
    )
    client_cert: OwnCertificate | None = Field(
        default=None, description="Our certificate: a PEM file, or a mapping.", examples=["client.pem"]
    )
    server_name: Annotated[str, StringConstraints(pattern=r"^[^\s/@]+$")] | None = Field(
        default=None,
        description="The host name in the peer's certificate, where it isn't `host`.",
        examples=["pacs.example.org"],
    )


def _from_flag(value: object) -> object:
    """Return what stands for a flag; scalars of a file are texts until a model reads them."""
    flags: dict[object, object] = {True: {}, "true": {}, False: None, "false": None}
    return flags.get(value, value) if isinstance(value, (bool, str)) else value


PeerTls: TypeAlias = Annotated[Tls | None, BeforeValidator(_from_flag, json_schema_input_type=bool | Tls)]
"""TLS as it may be written: true or false, or a mapping."""


class ReceiverTls(Strict):
    """TLS of our own receiver: version 1.2 or newer."""

    cert: OwnCertificate = Field(
        description="Our certificate: a PEM file, or a mapping.", examples=["server.pem"]
    )
    ca: RelativePath | None = Field(
        default=None,
        description="PEM file of authorities: only callers with a certificate of theirs are let in.",
        examples=["clients-ca.pem"],
    )

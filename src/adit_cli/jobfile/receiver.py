"""How this machine receives what is sent to it: the storage server behind C-MOVE and `adit receive`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from adit_cli.jobfile.strict import Strict
from adit_cli.jobfile.tls import ReceiverTls
from adit_cli.jobfile.values import AeTitle

_CALLER = re.compile(r"\*|[^@\\]{1,16}|[^@\\]{0,16}@[^\s@]+")
_NUMERIC = re.compile(r"[\d.]+|.*[:/].*")
"""What is meant as an address or network; a host's name has neither colons nor slashes."""


def checked_caller(text: str) -> str:
    """Return who may call, as it was written; ValueError where that names nobody."""
    ae_title, at, place = text.rpartition("@")
    names_nobody = _is_address(place) != bool(at) if _NUMERIC.fullmatch(place) else False
    if not _CALLER.fullmatch(text) or names_nobody or ("*" in ae_title and ae_title != "*"):
        raise ValueError("write AE_TITLE, AE_TITLE@host, @host, @10.1.0.0/16, or * for anyone")
    return text


def _is_address(text: str) -> bool:
    """Return whether a text is an address or a network."""
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


class ReceiverSpec(Strict):
    """Our storage server: one a machine, for every job."""

    ae_title: AeTitle | None = Field(
        default=None,
        description="How others call it, as their administrators registered it; else calling_ae_title.",
        examples=["ADIT"],
    )
    host: str = Field(
        default="0.0.0.0",  # noqa: S104 - a PACS calls from elsewhere; who may is asked of each caller
        description="The address to listen on.",
        examples=["10.1.2.3"],
    )
    port: int = Field(default=11112, ge=0, le=65535, description="Its port.", examples=[11112])
    accept: tuple[Annotated[str, AfterValidator(checked_caller)], ...] = Field(
        default=(),
        description="Who may call besides this machine, the servers of the config and those that a job asks: "
        "`AE_TITLE`, `AE_TITLE@host`, `@host`, `@10.1.0.0/16`, or `*` for anyone.",
        examples=[["CLINICAL_SEND@10.1.2.4"]],
    )
    max_associations: int = Field(
        default=64, ge=1, le=500, description="How many may call at once.", examples=[64]
    )
    tls: ReceiverTls | None = Field(
        default=None, description="Our certificate, where callers must speak TLS."
    )


@dataclass(frozen=True, slots=True)
class Order:
    """What the receiver of an inbox is to be."""

    inbox: Path
    ae_title: str
    spec: ReceiverSpec = field(default_factory=ReceiverSpec)
    known: tuple[str, ...] = ()
    """Who may call besides those that the config accepts: its servers."""


def order_of(inbox: Path, spec: ReceiverSpec, calling_ae_title: str, known: Iterable[str] = ()) -> Order:
    """Return the order for a receiver as the config describes it."""
    return Order(inbox, spec.ae_title or calling_ae_title, spec, tuple(known))

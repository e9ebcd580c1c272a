"""Ask a peer whether it is there and what it offers: C-ECHO, on an association that proposes much."""

from __future__ import annotations

import time
from dataclasses import dataclass

from adit_cli.jobfile.node import DimsePeer
from adit_cli.nodes.dimse.association import Association
from adit_cli.nodes.dimse.contexts import (
    COMMON,
    PATIENT_FIND,
    PATIENT_GET,
    PATIENT_MOVE,
    STUDY_FIND,
    STUDY_GET,
    STUDY_MOVE,
    UNCOMPRESSED,
    VERIFICATION,
    numbered,
)
from adit_cli.nodes.dimse.party import Party
from adit_cli.nodes.dimse.scu import c_echo

_SERVICES = (VERIFICATION, STUDY_FIND, STUDY_MOVE, STUDY_GET, PATIENT_FIND, PATIENT_MOVE, PATIENT_GET)


@dataclass(frozen=True, slots=True)
class EchoReport:
    """What a peer said of itself."""

    address: str
    implementation_class_uid: str
    implementation_version: str
    max_length: int
    """Longest P-DATA value it takes; 0 is no limit."""
    accepted: tuple[tuple[str, str], ...]
    """Abstract and transfer syntax of each context it accepted."""
    refused: tuple[str, ...]
    """Abstract syntaxes that it did not."""
    seconds: float
    """From the connection to the answer."""
    tls: str = ""
    """Version of TLS; empty where it is not used."""
    is_relational: bool = False
    """Whether it answers queries without the keys of the levels above."""
    knows_user: bool | None = None
    """Whether it confirmed the user name that it was given; None without one."""

    def offers(self, abstract_syntax: str) -> bool:
        """Return whether it accepted a context for this service or SOP class."""
        return any(abstract == abstract_syntax for abstract, _ in self.accepted)


def echo(name: str, peer: DimsePeer, calling_ae_title: str) -> EchoReport:
    """Connect, negotiate and echo; NodeError or TransientNodeError where the peer does not."""
    party = Party.of(name, peer, calling_ae_title)
    contexts = [(uid, UNCOMPRESSED) for uid in (*_SERVICES, *COMMON)]
    started = time.monotonic()
    with Association.open(party, numbered(contexts)) as assoc:
        c_echo(assoc)
        seconds = time.monotonic() - started
    accepted = tuple(assoc.accepted.values())
    offered = {abstract for abstract, _ in accepted}
    return EchoReport(
        str(party),
        assoc.peer.implementation_class_uid,
        assoc.peer.implementation_version,
        assoc.max_length,
        accepted,
        tuple(abstract for abstract, _ in contexts if abstract not in offered),
        seconds,
        assoc.channel.wire.protection,
        assoc.is_relational(STUDY_FIND),
        None if party.identity is None else assoc.peer.identity_answer is not None,
    )

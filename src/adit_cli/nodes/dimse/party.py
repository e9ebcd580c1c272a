"""Whom we speak with, and the way there: name, TCP, and TLS where the node says so."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from adit_cli.errors import NodeError, TransientNodeError
from adit_cli.jobfile.node import DimsePeer, Identity, Timeouts
from adit_cli.jobfile.tls import Tls
from adit_cli.nodes.dimse.wire import Wire


@dataclass(frozen=True, slots=True)
class Party:
    """Whom we speak with, and as whom."""

    name: str
    called: str
    calling: str
    host: str
    port: int
    timeouts: Timeouts
    tls: Tls | None = None
    identity: Identity | None = None

    @classmethod
    def of(cls, name: str, peer: DimsePeer, calling_ae_title: str) -> Party:
        """Return the party for a node of the job file; the node's own calling AE title wins."""
        calling = peer.calling_ae_title or calling_ae_title
        secrets = (peer.tls, peer.identity)
        return cls(name, peer.ae_title, calling, peer.host, peer.port, peer.timeouts, *secrets)

    def __str__(self) -> str:
        address = f"{self.called}@{self.host}:{self.port}"
        return address if self.name in {"", address} else f"{self.name} ({address})"


def connect(party: Party) -> Wire:
    """Return the connection to a party; TransientNodeError or NodeError where there is none."""
    sock = _connected(party)
    if party.tls is None:
        return Wire(sock, party.timeouts.acse)
    from adit_cli.nodes.dimse.secure import secured  # noqa: PLC0415 - OpenSSL is loaded where it is used

    return secured(sock, party, party.tls)


def _connected(party: Party) -> socket.socket:
    try:
        return socket.create_connection((party.host, party.port), timeout=party.timeouts.connect)
    except TimeoutError as error:
        raise TransientNodeError(
            f"{party} did not answer within {party.timeouts.connect:g} s.",
            hint="Check host and port, and whether a firewall drops the packets.",
        ) from error
    except socket.gaierror as error:
        raise TransientNodeError(
            f"{party}: the host name is unknown ({error.strerror}).", hint="Check how the host is spelled."
        ) from error
    except UnicodeError as error:  # of an empty or too long part between dots
        raise NodeError(f"{party}: that is no host name.", hint="Check how the host is spelled.") from error
    except OSError as error:
        raise TransientNodeError(
            f"{party} cannot be reached: {error.strerror or error}.",
            hint="Check host and port, and whether the server runs.",
        ) from error


def tls_failure(party: Party, error: OSError) -> NodeError | None:
    """Return what an error inside of TLS means, if it is one of TLS."""
    from adit_cli.nodes.dimse.secure import failure  # noqa: PLC0415 - as above

    return failure(party, error)


def wants_tls(party: Party) -> bool:
    """Return whether the port that hung up on plain DICOM takes a TLS handshake."""
    from adit_cli.nodes.tls import speaks_tls  # noqa: PLC0415 - as above

    return speaks_tls(party.host, party.port, party.timeouts.connect)

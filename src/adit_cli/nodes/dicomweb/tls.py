"""TLS towards a DICOMweb service, and what a service's silence means."""

from __future__ import annotations

import ssl

from adit_cli.errors import NodeError, Reason, TransientNodeError
from adit_cli.jobfile.dicomweb import DicomwebPeer
from adit_cli.nodes import tls

BROKEN_OFF = (
    "If it always does: its log says why; over https it may want a certificate of ours (`client_cert`)."
)
_HINTS = tls.Hints(
    not_tls="Write http:// or the port for https.",
    other_host="Write the URL with the name that the certificate was issued for.",
    broken_off=BROKEN_OFF,
)


def client_context(peer: DicomwebPeer) -> ssl.SSLContext:
    """Return the context of a service: its CA bundle or the system's, our certificate."""
    return tls.client_context(peer.ca, peer.client_cert)


def tls_error(name: str, error: ssl.SSLError) -> NodeError:
    """Return what a failed handshake or broken connection means for the user."""
    return tls.tls_error(name, error, _HINTS)


def timed_out(name: str, seconds: float, doing: str) -> TransientNodeError:
    """Return the error of a peer that was silent for too long."""
    return TransientNodeError(
        f"{name} was silent for {seconds:g} s while {doing}.",
        hint="Raise the node's `timeouts`, or ask whether the server is overloaded.",
        reason=Reason.TIMEOUT,
    )

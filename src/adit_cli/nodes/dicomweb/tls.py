"""TLS towards a DICOMweb service: whom we trust, who we are, and what went wrong in plain words."""

from __future__ import annotations

import socket
import ssl

from adit_cli.errors import NodeError, Reason, TransientNodeError, UsageError
from adit_cli.jobfile.dicomweb import ClientCertificate, DicomwebPeer

_EXPIRED, _NOT_YET, _HOST_NAME, _ADDRESS = 10, 9, 62, 64
_UNKNOWN_ISSUER = frozenset((2, 18, 19, 20, 21))
_WANTS_CERTIFICATE = (
    "CERTIFICATE_REQUIRED",
    "HANDSHAKE_FAILURE",
    "ALERT_BAD_CERTIFICATE",
    "ALERT_UNKNOWN_CA",
    "ALERT_CERTIFICATE",
)
BROKEN_OFF = (
    "If it always does: its log says why; over https it may want a certificate of ours (`client_cert`)."
)
_NOT_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE")
_TOO_OLD = ("UNSUPPORTED_PROTOCOL", "PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE", "DH_KEY_TOO_SMALL")


def client_context(peer: DicomwebPeer) -> ssl.SSLContext:
    """Return the context of a peer: TLS 1.2 or newer, its CA bundle or the system's, our certificate."""
    try:
        context = ssl.create_default_context(cafile=peer.ca)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"{peer.ca} cannot be used as the list of trusted authorities: {_why(error)}",
            hint="`ca` names a PEM file of certificates (-----BEGIN CERTIFICATE-----).",
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if peer.client_cert is not None:
        _show_certificate(context, peer.client_cert)
    return context


def _show_certificate(context: ssl.SSLContext, ours: ClientCertificate) -> None:
    # An empty password, unlike none, keeps OpenSSL from asking for one on the terminal.
    password = ours.password.get_secret_value() if ours.password else ""
    try:
        context.load_cert_chain(ours.file, ours.key, password)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"{ours.file} cannot be used as our certificate: {_why(error)}",
            hint="`client_cert` names a PEM file with certificate and key, or {file, key, password}.",
        ) from error


def _why(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "it ended").replace("_", " ").lower()
    return error.strerror or "cannot be read"


def tls_error(name: str, error: ssl.SSLError) -> NodeError:
    """Return what a failed handshake or broken connection means for the user."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _distrusted(name, error)
    reason = error.reason or ""
    if reason.startswith(_NOT_TLS):
        return NodeError(
            f"{name} does not speak TLS on this port.", hint="Write http:// or the port for https."
        )
    if any(word in reason for word in _TOO_OLD):
        return NodeError(f"{name} offers only outdated TLS.", hint="TLS 1.2 or newer must be enabled there.")
    if any(word in reason for word in _WANTS_CERTIFICATE):
        return NodeError(
            f"{name} broke off the TLS handshake ({_why(error)}).",
            hint="It may want a certificate of ours: `client_cert`, issued by an authority it trusts.",
        )
    return TransientNodeError(f"The TLS connection to {name} broke ({_why(error)}).", hint=BROKEN_OFF)


def _distrusted(name: str, error: ssl.SSLCertVerificationError) -> NodeError:
    code = error.verify_code
    if code == _EXPIRED:
        return NodeError(f"The certificate of {name} has expired.", hint="It must be renewed on the server.")
    if code == _NOT_YET:
        return NodeError(
            f"The certificate of {name} is not valid yet.", hint="Check the clocks of both machines."
        )
    if code in {_HOST_NAME, _ADDRESS}:
        return NodeError(
            f"The certificate of {name} is for another host name.",
            hint="Write the URL with the name that the certificate was issued for.",
        )
    if code in _UNKNOWN_ISSUER:
        return NodeError(
            f"The certificate of {name} is signed by nobody we trust.",
            hint="Name the authority's certificate with `ca: FILE.pem`.",
        )
    return NodeError(f"The certificate of {name} is not accepted: {error.verify_message}.")


def speaks_tls(host: str, port: int, timeout: float) -> bool:
    """Return whether a port that cut off plain HTTP takes a TLS handshake, whoever it is."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection((host, port), timeout) as plain, context.wrap_socket(plain):
            return True
    except ssl.SSLError as error:
        return not (error.reason or "").startswith(_NOT_TLS)
    except OSError:
        return False


def timed_out(name: str, seconds: float, doing: str) -> TransientNodeError:
    """Return the error of a peer that was silent for too long."""
    return TransientNodeError(
        f"{name} was silent for {seconds:g} s while {doing}.",
        hint="Raise the node's `timeouts`, or ask whether the server is overloaded.",
        reason=Reason.TIMEOUT,
    )

"""TLS with whatever protocol inside: whom we trust, who we are, and what went wrong in plain words."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

from adit_cli.errors import NodeError, TransientNodeError, UsageError
from adit_cli.jobfile.tls import Certificate, ReceiverTls

_EXPIRED, _NOT_YET, _HOST_NAME, _ADDRESS = 10, 9, 62, 64
_UNKNOWN_ISSUER = frozenset((2, 18, 19, 20, 21))
_WANTS_CERTIFICATE = (
    "CERTIFICATE_REQUIRED",
    "HANDSHAKE_FAILURE",
    "ALERT_BAD_CERTIFICATE",
    "ALERT_UNKNOWN_CA",
    "ALERT_CERTIFICATE",
)
_NOT_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE")
_TOO_OLD = ("UNSUPPORTED_PROTOCOL", "PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE", "DH_KEY_TOO_SMALL")


@dataclass(frozen=True, slots=True)
class Hints:
    """Next steps that differ with what is inside of TLS."""

    not_tls: str
    other_host: str
    broken_off: str


def client_context(ca: Path | None, ours: Certificate | None) -> ssl.SSLContext:
    """Return the context of a peer: TLS 1.2 or newer, its CA bundle or the system's, our certificate."""
    try:
        context = ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise _no_authorities(ca, error) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ours is not None:
        _show_certificate(context, ours, "client_cert")
    return context


def server_context(spec: ReceiverTls) -> ssl.SSLContext:
    """Return the context of our receiver; with authorities named, it wants certificates of its callers."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _show_certificate(context, spec.cert, "cert")
    if spec.ca is not None:
        try:
            context.load_verify_locations(spec.ca)
        except (OSError, ssl.SSLError) as error:
            raise _no_authorities(spec.ca, error) from error
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _no_authorities(ca: Path | None, error: OSError) -> UsageError:
    return UsageError(
        f"{ca} cannot be used as the list of trusted authorities: {why(error)}",
        hint="`ca` names a PEM file of certificates (-----BEGIN CERTIFICATE-----).",
    )


def _show_certificate(context: ssl.SSLContext, ours: Certificate, key: str) -> None:
    # An empty password, unlike none, keeps OpenSSL from asking for one on the terminal.
    password = ours.password.get_secret_value() if ours.password else ""
    try:
        context.load_cert_chain(ours.file, ours.key, password)
    except (OSError, ssl.SSLError) as error:
        told = "it holds no certificate with its key" if _is_no_pem(error) else why(error)
        raise UsageError(
            f"{ours.file} cannot be used as our certificate: {told}",
            hint=f"`{key}` names a PEM file with certificate and key, or {{file, key, password}}.",
        ) from error


def _is_no_pem(error: OSError) -> bool:
    return isinstance(error, ssl.SSLError) and not error.reason


def why(error: OSError) -> str:
    """Return what OpenSSL or the system says, in small letters."""
    if isinstance(error, ssl.SSLError):
        return (error.reason or "it ended").replace("_", " ").lower()
    return error.strerror or "cannot be read"


def tls_error(name: str, error: ssl.SSLError, hints: Hints) -> NodeError:
    """Return what a failed handshake or broken connection means for the user."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _distrusted(name, error, hints)
    reason = error.reason or ""
    if reason.startswith(_NOT_TLS):
        return NodeError(f"{name} does not speak TLS on this port.", hint=hints.not_tls)
    if any(word in reason for word in _TOO_OLD):
        return NodeError(f"{name} offers only outdated TLS.", hint="TLS 1.2 or newer must be enabled there.")
    if any(word in reason for word in _WANTS_CERTIFICATE):
        return NodeError(
            f"{name} broke off the TLS handshake ({why(error)}).",
            hint="It may want a certificate of ours: `client_cert`, issued by an authority it trusts.",
        )
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return TransientNodeError(f"{name} hung up in the middle of TLS.", hint=hints.broken_off)
    return TransientNodeError(f"The TLS connection to {name} broke ({why(error)}).", hint=hints.broken_off)


def _distrusted(name: str, error: ssl.SSLCertVerificationError, hints: Hints) -> NodeError:
    code = error.verify_code
    if code == _EXPIRED:
        return NodeError(f"The certificate of {name} has expired.", hint="It must be renewed on the server.")
    if code == _NOT_YET:
        return NodeError(
            f"The certificate of {name} is not valid yet.", hint="Check the clocks of both machines."
        )
    if code in {_HOST_NAME, _ADDRESS}:
        return NodeError(f"The certificate of {name} is for another host name.", hint=hints.other_host)
    if code in _UNKNOWN_ISSUER:
        return NodeError(
            f"The certificate of {name} is signed by nobody we trust.",
            hint="Name the authority's certificate with `ca: FILE.pem`.",
        )
    return NodeError(f"The certificate of {name} is not accepted: {error.verify_message}.")


def is_not_tls(error: OSError) -> bool:
    """Return whether what came in a handshake was no TLS at all."""
    return isinstance(error, ssl.SSLError) and (error.reason or "").startswith(_NOT_TLS)


def speaks_tls(host: str, port: int, timeout: float) -> bool:
    """Return whether a port that cut off a plain connection takes a TLS handshake, whoever it is."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection((host, port), timeout) as plain, context.wrap_socket(plain):
            return True
    except ssl.SSLError as error:
        return not (is_not_tls(error) or isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)))
    except OSError:
        return False

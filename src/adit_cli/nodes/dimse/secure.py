"""A wire inside of TLS (PS3.15 §B.12), for both roles; loaded only where a node asks for it."""

from __future__ import annotations

import contextlib
import socket
import ssl

from adit_cli.dicom.files import IMPLEMENTATION_CLASS_UID
from adit_cli.errors import NodeError, Reason, TransientNodeError
from adit_cli.jobfile.tls import ReceiverTls, Tls
from adit_cli.nodes import tls
from adit_cli.nodes.dimse import pdu
from adit_cli.nodes.dimse.contexts import UNCOMPRESSED, VERIFICATION
from adit_cli.nodes.dimse.party import Party
from adit_cli.nodes.dimse.userinfo import PduError
from adit_cli.nodes.dimse.wire import Wire

_HINTS = tls.Hints(
    not_tls="Remove `tls` from the node, or write the port for DICOM over TLS.",
    other_host="Write `host` as the certificate has it, or that name as `server_name` under `tls`.",
    broken_off="If it always does: its log says why; it may want a certificate of ours (`client_cert`).",
)
_ASSOCIATE_REQUEST = b"\x01"
_TLS_ALERT = b"\x15\x03\x01\x00\x02\x02\x0a"
"""What a TLS server says to a stranger: fatal, unexpected message."""
_ANSWERS = frozenset((pdu.ASSOCIATE_AC, pdu.ASSOCIATE_RJ, pdu.ABORT))


class SecureWire(Wire):
    """A wire whose bytes go through OpenSSL: nothing may bypass `sendall` and `recv_into`."""

    def __init__(self, sock: socket.socket, silence: float, context: ssl.SSLContext, name: str = "") -> None:
        """Wrap a connected socket; as the client of the server with this name, else as a server."""
        self._secure = context.wrap_socket(
            sock, server_side=not name, server_hostname=name or None, do_handshake_on_connect=False
        )
        self._protection = ""
        try:
            super().__init__(self._secure, silence)
        except OSError:
            self._secure.close()
            raise

    @property
    def protection(self) -> str:
        """The version of TLS."""
        return self._protection

    def handshake(self) -> None:
        """Agree on keys, and look at each other's certificates."""
        self._secure.do_handshake()
        self._protection = self._secure.version() or ""

    def greet(self) -> None:
        """Take the handshake of whoever calls us; PduError that says what is wrong with it."""
        # The base class looks below TLS, where the first byte tells plain DICOM.
        if socket.socket.recv(self._secure, 1, socket.MSG_PEEK) == _ASSOCIATE_REQUEST:
            with contextlib.suppress(OSError):
                socket.socket.sendall(self._secure, _TLS_ALERT)
            raise PduError("it speaks plain DICOM on this port, where TLS is expected")
        try:
            self.handshake()
        except ssl.SSLCertVerificationError as error:
            raise PduError(f"its certificate is not accepted ({error.verify_message})") from error
        except ssl.SSLError as error:
            raise PduError(f"the TLS handshake failed ({tls.why(error)})") from error

    def quiet(self, seconds: float = 0) -> bool:
        """Return whether nothing waits; what servers send besides, such as session tickets, is no sign."""
        if not self._secure.pending() and super().quiet(seconds):
            return True
        if self._start != self._end:
            return False
        self._secure.settimeout(0)
        try:
            count: int = self._secure.recv_into(self._buffer)
        except ssl.SSLWantReadError:
            return True
        except OSError:
            return False
        finally:
            self._secure.settimeout(self._silence)
        self._start, self._end = 0, count
        return False

    def interrupt(self) -> None:
        """End the connection under whoever waits for it, without taking TLS away from them."""
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._secure, socket.SHUT_RDWR)


def secured(sock: socket.socket, party: Party, spec: Tls) -> SecureWire:
    """Return the wire to a party after the handshake; NodeError that says what went wrong with it."""
    try:
        context = tls.client_context(spec.ca, spec.client_cert)
        wire = SecureWire(sock, party.timeouts.connect, context, spec.server_name or party.host)
    except BaseException:
        sock.close()
        raise
    try:
        wire.handshake()
    except OSError as error:
        wire.close()
        raise _failed(party, error) from error
    wire.allow(party.timeouts.acse)
    return wire


def acceptor_context(spec: ReceiverTls) -> ssl.SSLContext:
    """Return the context of our receiver."""
    return tls.server_context(spec)


def failure(party: Party, error: OSError) -> NodeError | None:
    """Return what an error after the handshake means; with TLS 1.3 a refused certificate shows only then."""
    return tls.tls_error(str(party), error, _HINTS) if isinstance(error, ssl.SSLError) else None


def _failed(party: Party, error: OSError) -> NodeError:
    no_word = (TimeoutError, ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)
    if isinstance(error, no_word) and _answers_plainly(party):
        return NodeError(f"{party} does not speak TLS on this port.", hint=_HINTS.not_tls)
    if isinstance(error, TimeoutError):
        return TransientNodeError(f"{party} let the TLS handshake time out.", reason=Reason.TIMEOUT)
    return failure(party, error) or TransientNodeError(
        f"{party} broke off the TLS handshake: {tls.why(error)}.", hint=_HINTS.broken_off
    )


def _answers_plainly(party: Party) -> bool:
    """Return whether a port that cut off TLS answers an association request without it."""
    context = pdu.Proposed(1, VERIFICATION, UNCOMPRESSED)
    user = pdu.UserInformation(1 << 14, IMPLEMENTATION_CLASS_UID)
    request = pdu.AssociateRequest(party.called, party.calling, (context,), user)
    try:
        with socket.create_connection((party.host, party.port), party.timeouts.connect) as plain:
            plain.sendall(request.encode())
            return plain.recv(1)[:1] in {bytes((kind,)) for kind in _ANSWERS}
    except OSError:
        return False

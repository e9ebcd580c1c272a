"""One kept-alive HTTP/1.1 connection to a DICOMweb service. Bodies are streamed, never held.

The standard library's client, since it hands over the socket's bytes without a copy in between.
"""

from __future__ import annotations

import logging
import ssl
import time
from base64 import b64encode
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import BadStatusLine, HTTPConnection, HTTPResponse, HTTPSConnection, RemoteDisconnected
from socket import SHUT_RDWR, socket
from typing import Protocol, cast
from urllib.parse import urlsplit

from adit_cli.errors import NodeError, Reason, TransientNodeError
from adit_cli.jobfile.dicomweb import DicomwebPeer
from adit_cli.nodes.dicomweb.answer import Answer
from adit_cli.nodes.dicomweb.failures import asked_to_wait, is_busy, status_error
from adit_cli.nodes.dicomweb.network import network_errors
from adit_cli.nodes.dicomweb.proxy import Proxy, proxy_for
from adit_cli.nodes.dicomweb.tls import client_context
from adit_cli.nodes.tls import speaks_tls

logger = logging.getLogger(__name__)

LONGEST_WAIT = 60.0
"""How long a busy server may tell us to wait before the task itself is put back, in seconds."""
TRIES = 4
_BROKEN = (
    RemoteDisconnected,
    ConnectionResetError,
    BrokenPipeError,
    ConnectionAbortedError,
    ssl.SSLEOFError,
)


class Body(Protocol):
    """What a request carries, of known length."""

    content_type: str
    length: int

    def send(self, sock: socket) -> None:
        """Write it to the socket."""
        ...


@dataclass(frozen=True, slots=True)
class Ask:
    """One request; `path` begins below the service's root, `doing` is what messages call it."""

    doing: str
    path: str
    accept: str
    query: str = ""
    body: Body | None = None


class WebConnection:
    """The connection of one node, opened when it is needed and again when the server closed it.

    A helper is one of several to the same node, and does not repeat the warnings of the first.
    """

    def __init__(
        self,
        name: str,
        peer: DicomwebPeer,
        pause: Callable[[float], None] = time.sleep,
        *,
        helper: bool = False,
    ) -> None:
        self.name = name
        self._peer = peer
        self._pause = pause
        self._helper = helper
        self.is_interrupted = False
        self._url = urlsplit(peer.url)
        self._host = self._url.hostname or ""
        self._port = self._url.port or (443 if self._secure else 80)
        self._proxy: Proxy | None = None
        self._connection: HTTPConnection | None = None

    @property
    def _secure(self) -> bool:
        return self._url.scheme.lower() == "https"

    @property
    def _answering(self) -> str:
        """Who an answer is of: a proxy that passes on what is plain also answers in the server's place."""
        if self._proxy is None or self._secure:
            return self.name
        return f"{self.name} (through the proxy {self._proxy.place})"

    @contextmanager
    def exchange(self, ask: Ask) -> Generator[Answer]:
        """Send a request and hold its answer, whatever its status, for the `with` block.

        A busy server is asked again when it says so; a connection whose answer wasn't read is dropped.
        """
        started = time.monotonic()
        answer = self._patiently(ask)
        if self._peer.timeouts.total is not None:
            answer.deadline = started + self._peer.timeouts.total
        try:
            yield answer
        finally:
            if not answer.is_whole:
                self.close()

    def close(self) -> None:
        """Drop the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()

    def interrupt(self) -> None:
        """Break off what another thread does on this connection; it is not opened again."""
        self.is_interrupted = True
        sock = self._connection.sock if self._connection is not None else None
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(SHUT_RDWR)

    def _patiently(self, ask: Ask) -> Answer:
        tries = 1
        while is_busy((answer := self._once_more(ask)).status):
            wait = asked_to_wait(answer.header("Retry-After"), 2.0 ** (tries - 1))
            answer.drain()
            if not answer.is_whole:
                self.close()
            if tries == TRIES or wait > LONGEST_WAIT:
                raise status_error(answer.name, ask.doing, answer.status)
            logger.info("%s is busy (%d); asking again in %.0f s", self.name, answer.status, wait)
            self._pause(wait)
            tries += 1
        return answer

    def _once_more(self, ask: Ask) -> Answer:
        """Send it, and once more where the server had closed an idle connection."""
        kept = self._connection is not None and self._connection.sock is not None
        timeouts = self._peer.timeouts
        with network_errors(self.name, ask.doing, timeouts.read):
            try:
                response = self._sent(ask)
            except _BROKEN:
                self.close()
                if not kept:
                    self._name_broken_off()
                    raise
                response = self._sent(ask)
            except BadStatusLine as error:
                self._name_plain_against_tls(error)
                raise
        logger.debug("%s: %s %s -> %d", self.name, ask.doing, ask.path, response.status)
        return Answer(self._answering, ask.doing, response, timeouts.read)

    def _sent(self, ask: Ask) -> HTTPResponse:
        """Return the head of the answer; a connection on which that fails is not used again."""
        try:
            return self._answered(self._opened(), ask)
        except BaseException:
            self.close()
            raise

    def _answered(self, connection: HTTPConnection, ask: Ask) -> HTTPResponse:
        target = f"{self._url.path}{ask.path}{'?' if ask.query else ''}{ask.query}"
        if self._proxy is not None and not self._secure:
            target = f"http://{self._url.netloc}{target}"
        connection.putrequest("POST" if ask.body else "GET", target, skip_accept_encoding=True)
        for header, value in self._headers(ask).items():
            connection.putheader(header, value)
        connection.endheaders()
        if ask.body is None:
            return connection.getresponse()
        try:
            ask.body.send(connection.sock)
        except (ConnectionError, ssl.SSLEOFError):
            # A server that refuses a body may answer and close before it has read it all.
            return connection.getresponse()
        return connection.getresponse()

    def _headers(self, ask: Ask) -> dict[str, str]:
        headers = {"User-Agent": "adit-cli", "Accept": ask.accept, "Accept-Encoding": "identity"}
        if ask.body is not None:
            headers |= {"Content-Type": ask.body.content_type, "Content-Length": str(ask.body.length)}
        if self._proxy is not None and not self._secure:
            headers |= self._proxy.headers
        headers |= {name: secret.get_secret_value() for name, secret in self._peer.headers.items()}
        return headers | _authorization(self._peer)

    def _opened(self) -> HTTPConnection:
        if self.is_interrupted:
            raise TransientNodeError(f"The request to {self.name} was broken off.", reason=Reason.INTERRUPTED)
        if self._connection is None:
            self._connection = self._made()
        if self._connection.sock is None:
            timeouts = self._peer.timeouts
            with network_errors(self.name, "connecting", timeouts.connect, self._proxy):
                self._connection.connect()
            cast("socket", self._connection.sock).settimeout(timeouts.read)
        return self._connection

    def _made(self) -> HTTPConnection:
        self._proxy = proxy_for(self._url.scheme, self._host, self._port)
        host, port = (self._proxy.host, self._proxy.port) if self._proxy else (self._host, self._port)
        patience = self._peer.timeouts.connect
        if not self._secure:
            if not self._helper:
                _warn_of_open_secrets(self.name, self._peer, self._host)
            return HTTPConnection(host, port, timeout=patience)
        connection = HTTPSConnection(host, port, timeout=patience, context=client_context(self._peer))
        if self._proxy is not None:
            connection.set_tunnel(self._host, self._port, self._proxy.headers)
        return connection

    def _name_broken_off(self) -> None:
        """Raise what most likely lies behind a new connection that was closed without an answer."""
        self._name_plain_against_tls(None)
        if self._secure and self._peer.client_cert is None:
            raise TransientNodeError(
                f"{self.name} broke off the TLS connection; it may want a certificate of ours.",
                hint="If it always does: name one with `client_cert`, issued by an authority it trusts.",
                reason=Reason.INCOMPLETE,
            )

    def _name_plain_against_tls(self, cause: Exception | None) -> None:
        if not self._secure and not self._proxy and speaks_tls(self._host, self._port, 5):
            raise NodeError(
                f"{self.name} speaks TLS on this port, but its URL says http.",
                hint="Write https:// in its URL.",
            ) from cause


def _authorization(peer: DicomwebPeer) -> dict[str, str]:
    if peer.auth is None:
        return {}
    if peer.auth.bearer is not None:
        return {"Authorization": f"Bearer {peer.auth.bearer.get_secret_value()}"}
    if peer.auth.basic is None:
        return {}
    user = f"{peer.auth.basic.username}:{peer.auth.basic.password.get_secret_value()}"
    return {"Authorization": f"Basic {b64encode(user.encode()).decode()}"}


def _warn_of_open_secrets(name: str, peer: DicomwebPeer, host: str) -> None:
    if (peer.auth or peer.headers) and host not in {"localhost", "127.0.0.1", "::1"}:
        logger.warning("%s: password or token goes over the network unencrypted; use https", name)

"""A scriptable HTTP server that misbehaves as it is told: one function answers every request."""

from __future__ import annotations

import json
import ssl
import sys
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from typing import TypeAlias, cast
from urllib.parse import parse_qs, urlsplit

from adit_cli.jobfile.dicomweb import DicomwebPeer
from tests.support.process import LOOPBACK

BOUNDARY = "parts-of-a-test"
MULTIPART = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """Where it went, without the query."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, list[str]]:
        """Its parameters."""
        return parse_qs(urlsplit(self.target).query)


@dataclass(frozen=True, slots=True)
class Reply:
    """What is sent back; a `length` beyond the body makes the server break off inside it."""

    status: int = 200
    body: bytes = b""
    content_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    length: int | None = None
    chunked: bool = False
    raw: bytes | None = None
    """Sent as it is in place of anything that looks like HTTP."""


Answer: TypeAlias = Callable[[Seen], Reply]


@dataclass(slots=True)
class HttpPeer:
    """A running server, and what it was asked."""

    port: int
    scheme: str
    seen: list[Seen] = field(default_factory=list[Seen])
    connections: int = 0

    @property
    def url(self) -> str:
        """Its DICOMweb root."""
        return f"{self.scheme}://{LOOPBACK}:{self.port}/dicom-web"

    def spec(self, **more: object) -> DicomwebPeer:
        """The service as a job file describes it."""
        return DicomwebPeer.model_validate({"url": self.url, **more})


@contextmanager
def http_peer(answer: Answer, tls: ssl.SSLContext | None = None) -> Generator[HttpPeer]:
    """Serve on a free port for the `with` block."""
    peer = HttpPeer(0, "https" if tls else "http")
    server = _Server(answer, peer, tls)
    peer.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield peer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def json_reply(datasets: Sequence[Mapping[str, object]] | Mapping[str, object], status: int = 200) -> Reply:
    """Return data sets in the DICOM JSON model."""
    return Reply(status, json.dumps(datasets).encode(), "application/dicom+json")


def multipart(
    contents: Sequence[bytes], *, lengths: bool = True, content_type: str = "application/dicom"
) -> bytes:
    """Return a multipart/related body; some servers say how long each part is, some don't."""
    body = b""
    for content in contents:
        length = f"Content-Length: {len(content)}\r\n" if lengths else ""
        head = f"--{BOUNDARY}\r\nContent-Type: {content_type}\r\n{length}\r\n"
        body += head.encode() + content + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, answer: Answer, peer: HttpPeer, tls: ssl.SSLContext | None) -> None:
        super().__init__((LOOPBACK, 0), _Handler)
        self.answer, self.peer, self.tls = answer, peer, tls

    def finish_request(self, request: object, client_address: object) -> None:
        """Speak TLS where that is wanted; a handshake that fails ends that connection alone."""
        plain = cast("socket", request)
        if self.tls is None:
            return super().finish_request(plain, client_address)
        try:
            with self.tls.wrap_socket(plain, server_side=True) as secure:
                return super().finish_request(secure, client_address)
        except OSError:
            return None

    def handle_error(self, request: object, client_address: object) -> None:
        """Pass over a client that hangs up early, as some tests do; print the rest."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(cast("socket", request), client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def _server(self) -> _Server:
        return cast("_Server", self.server)

    def setup(self) -> None:
        """Count the connection."""
        super().setup()
        self._server.peer.connections += 1

    def do_GET(self) -> None:
        """Answer as the script says."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        seen = Seen(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
        self._server.peer.seen.append(seen)
        self._reply(self._server.answer(seen))

    def do_POST(self) -> None:
        """Answer as the script says."""
        self.do_GET()

    def do_CONNECT(self) -> None:
        """Answer as the script says: a proxy that refuses, for instance."""
        self.do_GET()

    def _reply(self, reply: Reply) -> None:
        if reply.raw is not None:
            self.wfile.write(reply.raw)
            self.close_connection = True
            return
        length = len(reply.body) if reply.length is None else reply.length
        self.send_response(reply.status)
        headers = dict(reply.headers)
        if reply.content_type:
            headers["Content-Type"] = reply.content_type
        if reply.chunked:
            headers["Transfer-Encoding"] = "chunked"
        elif reply.status != HTTPStatus.NO_CONTENT:
            headers["Content-Length"] = str(length)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(_chunked(reply.body) if reply.chunked else reply.body)
        self.close_connection = self.close_connection or length != len(reply.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Say nothing."""
        del format, args


def _chunked(body: bytes) -> bytes:
    chunks = [body[start : start + 1000] for start in range(0, len(body), 1000)]
    return b"".join(f"{len(one):x}\r\n".encode() + one + b"\r\n" for one in (*chunks, b""))

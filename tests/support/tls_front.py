"""TLS in front of a plain server, as a reverse proxy in a hospital does it.

Debian's Orthanc 1.10.1 cannot do it itself: it dies of the first TLS handshake (civetweb 1.15, OpenSSL 3).
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress

from tests.support.process import LOOPBACK


@contextmanager
def tls_front(context: ssl.SSLContext, backend: int) -> Generator[int]:
    """Pass connections on to a port of this machine for the `with` block and yield the port for TLS."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        accepting = threading.Thread(target=_accept, args=(listener, context, backend), daemon=True)
        accepting.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join()


def _accept(listener: socket.socket, context: ssl.SSLContext, backend: int) -> None:
    while True:
        try:
            plain, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_serve, args=(plain, context, backend), daemon=True).start()


def _serve(plain: socket.socket, context: ssl.SSLContext, backend: int) -> None:
    with (
        suppress(OSError),
        plain,
        socket.create_connection((LOOPBACK, backend)) as behind,
        context.wrap_socket(plain, server_side=True) as secure,
    ):
        answering = threading.Thread(target=pump, args=(behind, secure), daemon=True)
        answering.start()
        pump(secure, behind)
        answering.join()


def pump(source: socket.socket, target: socket.socket) -> None:
    """Hand on what comes until one side ends."""
    with suppress(OSError):
        while block := source.recv(1 << 16):
            target.sendall(block)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)

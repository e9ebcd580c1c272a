"""A web proxy that only tunnels (CONNECT), and may want a password, as in hospitals."""

from __future__ import annotations

import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.support.process import LOOPBACK
from tests.support.tls_front import pump


@dataclass(slots=True)
class Tunnel:
    """A running proxy, and what it was asked: the head of each CONNECT."""

    port: int
    wants: str = ""
    """A header line that every request must have."""
    heads: list[str] = field(default_factory=list[str])


@contextmanager
def tunnel(wants: str = "") -> Generator[Tunnel]:
    """Run a proxy for the `with` block; it leads to this machine, whatever host is named."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        proxy = Tunnel(listener.getsockname()[1], wants)
        accepting = threading.Thread(target=_accept, args=(listener, proxy), daemon=True)
        accepting.start()
        yield proxy
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join()


def _accept(listener: socket.socket, proxy: Tunnel) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_serve, args=(client, proxy), daemon=True).start()


def _serve(client: socket.socket, proxy: Tunnel) -> None:
    with suppress(OSError), client:
        head = ""
        while not head.endswith("\r\n\r\n"):
            head += client.recv(1).decode("latin_1")
        proxy.heads.append(head)
        if proxy.wants not in head:
            client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        port = int(head.split()[1].rpartition(":")[2])
        with socket.create_connection((LOOPBACK, port)) as server:
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=pump, args=(server, client), daemon=True)
            back.start()
            pump(client, server)
            back.join()

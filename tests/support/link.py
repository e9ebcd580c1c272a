"""A connection that breaks: a TCP proxy that cuts its first connections after so many bytes of an answer."""

from __future__ import annotations

import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.support.process import LOOPBACK


@dataclass(slots=True)
class Link:
    """A running proxy."""

    port: int
    target: int
    cuts: list[int]
    """Bytes from the server after which the next connection breaks; when it is empty, none breaks."""
    connections: int = 0
    cut: int = 0
    threads: list[threading.Thread] = field(default_factory=list[threading.Thread])

    def carry(self, listener: socket.socket) -> None:
        """Serve connections until the listener is closed."""
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                self.connections += 1
                limit = self.cuts.pop(0) if self.cuts else None
                far = socket.create_connection((LOOPBACK, self.target))
                self._start(near, far, None)
                self._start(far, near, limit)

    def _start(self, source: socket.socket, target: socket.socket, limit: int | None) -> None:
        thread = threading.Thread(target=self._copy, args=(source, target, limit), daemon=True)
        self.threads.append(thread)
        thread.start()

    def _copy(self, source: socket.socket, target: socket.socket, limit: int | None) -> None:
        carried = 0
        with suppress(OSError):
            while data := source.recv(1 << 16):
                if limit is not None and carried + len(data) > limit:
                    target.sendall(data[: limit - carried])
                    self.cut += 1
                    break
                target.sendall(data)
                carried += len(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        source.close()


@contextmanager
def breaking(target: int, *cuts: int) -> Generator[Link]:
    """Yield a proxy in front of a server on this machine."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        link = Link(listener.getsockname()[1], target, list(cuts))
        acceptor = threading.Thread(target=link.carry, args=(listener,), daemon=True)
        acceptor.start()
        try:
            yield link
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            acceptor.join(10)
            for thread in link.threads:
                thread.join(10)

"""Listen for associations and file what they bring: a storage SCP, a thread for each association."""

from __future__ import annotations

import logging
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType

from adit_cli.jobfile.tls import ReceiverTls
from adit_cli.nodes.dimse.channel import Channel
from adit_cli.nodes.dimse.filing import Filing
from adit_cli.nodes.dimse.guests import EVERYONE, Guests
from adit_cli.nodes.dimse.listening import alone_in, listen, plain_address
from adit_cli.nodes.dimse.scp import Happening, OnEvent, ReceiveEvent, Service
from adit_cli.nodes.dimse.shelves import Shelf
from adit_cli.nodes.dimse.wire import Wire

_PAUSE = 0.2
_SURPLUS = 16
"""Connections beyond the cap that are still told so; more of them are just closed."""


logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reception:
    """How to receive: as whom, where, and what is asked of those who call."""

    ae_title: str
    port: int
    folder: Path
    host: str = ""
    """The address to listen on; every one by default."""
    guests: Guests = EVERYONE
    """Who may call."""
    max_associations: int = 64
    sync: bool = True
    """Whether an instance is safe on the disk before it is accepted."""
    silence: float = 120.0
    """Seconds after which an association without a word is aborted."""
    grace: float = 30.0
    """Seconds that open associations may go on after `stop`."""
    tls: ReceiverTls | None = None
    """Our certificate, where callers must speak TLS."""
    shelf: Shelf | None = None
    """Where in the folder an instance goes; else by its UIDs."""


def serve(reception: Reception, on_event: OnEvent, until: Callable[[], object] | None = None) -> None:
    """Receive until SIGTERM or SIGINT; a second signal does not wait for open associations.

    `until` returns when nobody needs the receiver any more.
    """
    receiver = Receiver(reception, on_event)
    if until is not None:
        threading.Thread(target=_stop_after, args=(until, receiver), daemon=True).start()
    with _stopped_by_signals(receiver):
        receiver.run()


def _stop_after(until: Callable[[], object], receiver: Receiver) -> None:
    try:
        until()
    finally:
        receiver.stop()


class Receiver:
    """The listening socket and the threads behind it."""

    def __init__(self, reception: Reception, on_event: OnEvent) -> None:
        self._reception = reception
        self._filing = Filing(reception.folder, reception.shelf, sync=reception.sync)
        self._on_event = on_event
        self._telling = threading.Lock()
        self._open: dict[threading.Thread, Wire] = {}
        self._lock = threading.Lock()
        self._woken, self._wake = socket.socketpair()
        self._stopping = 0
        self._wire: Callable[[socket.socket, float], Wire] = Wire

    def run(self) -> None:
        """Serve until `stop` is called; UsageError where the port or the folder cannot be used."""
        with self._woken, self._wake:
            self._run()

    def _run(self) -> None:
        reception = self._reception
        if reception.tls is not None:
            self._wire = _wires_within(reception.tls)
        with listen(reception.host, reception.port) as listener, alone_in(reception.folder):
            self._filing.prepare()
            self._on_event(ReceiveEvent(Happening.LISTENING, port=listener.getsockname()[1]))
            while not self._stopping:
                ready, _, _ = select.select([listener, self._woken], [], [])
                if listener in ready and not self._stopping:
                    self._accept(listener)
            listener.close()
            self._drain()

    def stop(self) -> None:
        """Accept nothing more and let open associations end; a second call breaks them off."""
        self._stopping += 1
        with suppress(OSError):
            self._wake.send(b"\0")

    def _accept(self, listener: socket.socket) -> None:
        try:
            sock, address = listener.accept()
        except OSError as error:  # it has gone already, or too many files are open
            logger.warning("A caller could not be let in: %s", error.strerror)
            select.select([self._woken], [], [], _PAUSE)
            return
        with self._lock:
            already = len(self._open)
        if already >= self._reception.max_associations + _SURPLUS:
            sock.close()
            return
        try:
            wire = self._wire(sock, self._reception.silence)
        except OSError:  # it has gone already
            sock.close()
            return
        has_room = already < self._reception.max_associations
        host = plain_address(str(address[0]))
        thread = threading.Thread(target=self._serve, args=(wire, host, has_room), daemon=True)
        with self._lock:
            self._open[thread] = wire
        thread.start()

    def _serve(self, wire: Wire, host: str, has_room: bool) -> None:  # noqa: FBT001 - a thread's argument
        try:
            service = Service(Channel(wire), self._filing, host, self._tell)
            service.run(self._reception.ae_title, self._reception.guests, has_room=has_room)
        finally:
            wire.close()
            with self._lock:
                self._open.pop(threading.current_thread(), None)

    def _tell(self, event: ReceiveEvent) -> None:
        with self._telling, suppress(OSError):  # a terminal may be gone, a disk full: images are taken on
            self._on_event(event)

    def _drain(self) -> None:
        """Wait for open associations, as long as the grace lasts and nobody calls `stop` again."""
        deadline = time.monotonic() + self._reception.grace
        while self._stopping < 2 and self._left() and time.monotonic() < deadline:  # noqa: PLR2004 - a second call
            for thread in self._left():
                thread.join(0.1)
        with self._lock:
            wires = list(self._open.values())
        for wire in wires:
            wire.interrupt()
        for thread in self._left():
            thread.join()

    def _left(self) -> list[threading.Thread]:
        with self._lock:
            return list(self._open)


def _wires_within(spec: ReceiverTls) -> Callable[[socket.socket, float], Wire]:
    """Return what makes wires of connections that must speak TLS."""
    from adit_cli.nodes.dimse.secure import SecureWire, acceptor_context  # noqa: PLC0415 - OpenSSL, if wanted

    return partial(SecureWire, context=acceptor_context(spec))


@contextmanager
def _stopped_by_signals(receiver: Receiver) -> Generator[None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        receiver.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

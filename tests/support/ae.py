"""A pynetdicom Application Entity as a peer that can be told how to misbehave."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias, cast

from pydicom.uid import (
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLossless,
    JPEGLSLossless,
    RLELossless,
)
from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom._globals import DEFAULT_TRANSFER_SYNTAXES
from pynetdicom.events import Event

from tests.support.process import LOOPBACK

COMPRESSED = (JPEG2000Lossless, JPEGBaseline8Bit, JPEGLossless, JPEGLSLossless, RLELossless)
VERIFICATION = "1.2.840.10008.1.1"
AnyEvent: TypeAlias = evt.InterventionEvent | evt.NotificationEvent
Handler: TypeAlias = tuple[AnyEvent, Callable[[Event], object]]
OnStore: TypeAlias = Callable[[Event], int]


@dataclass(slots=True)
class PynetdicomPeer:
    """A running AE; what it was sent is kept as bytes of whole Part-10 files."""

    ae_title: str
    port: int
    received: dict[str, bytes] = field(default_factory=dict[str, bytes])
    stored: threading.Condition = field(default_factory=threading.Condition)

    @property
    def address(self) -> str:
        """The node as a user types it."""
        return f"{self.ae_title}@{LOOPBACK}:{self.port}"

    def wait_for(self, instances: int, timeout: float = 30) -> bool:
        """Return whether so many instances arrived in time."""
        with self.stored:
            return self.stored.wait_for(lambda: len(self.received) >= instances, timeout)

    def keep(self, event: Event) -> int:
        """Answer a C-STORE with Success and remember what came."""
        with self.stored:
            self.received[stored_uid(event)] = event.encoded_dataset()
            self.stored.notify_all()
        return 0x0000


def stored_uid(event: Event) -> str:
    """Return the SOP Instance UID that a C-STORE request names."""
    return str(getattr(event.request, "AffectedSOPInstanceUID", ""))


@contextmanager
def serving(ae: AE, handlers: Sequence[Handler], tls: ssl.SSLContext | None = None) -> Generator[int]:
    """Serve an AE on a free port for the `with` block and yield the port."""
    listener = (LOOPBACK, 0)
    server = ae.start_server(listener, block=False, evt_handlers=list(handlers), ssl_context=tls)  # pyright: ignore[reportUnknownMemberType]  # pynetdicom's types are partial
    if server is None:
        raise RuntimeError("pynetdicom started no server")
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        for association in ae.active_associations:
            association.abort()
            association.join(10)
        server.server_close()


@contextmanager
def storage_peer(
    ae_title: str = "PEER",
    *,
    on_store: OnStore | None = None,
    handlers: Sequence[Handler] = (),
    configure: Callable[[AE], None] | None = None,
) -> Generator[PynetdicomPeer]:
    """Run a storage SCP of every storage SOP class.

    `on_store` answers each C-STORE with a status (and may abort); by default all is kept.
    """
    ae = AE(ae_title=ae_title)
    ae.add_supported_context(VERIFICATION)
    for context in AllStoragePresentationContexts:
        ae.add_supported_context(
            cast("str", context.abstract_syntax), [*DEFAULT_TRANSFER_SYNTAXES, *COMPRESSED]
        )
    if configure is not None:
        configure(ae)
    peer = PynetdicomPeer(ae_title, 0)
    with serving(ae, [(evt.EVT_C_STORE, on_store or peer.keep), *handlers]) as port:
        peer.port = port
        yield peer

"""A small Query/Retrieve PACS for the demo: real DIMSE on loopback, its images in a folder.

It is built on pynetdicom's Application Entity and shares no code with the data plane that talks to it.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from pydicom.dataset import Dataset
from pynetdicom import AE, AllStoragePresentationContexts, StoragePresentationContexts, evt
from pynetdicom._globals import ALL_TRANSFER_SYNTAXES
from pynetdicom.events import Event
from pynetdicom.transport import ThreadedAssociationServer

from adit_cli.errors import NodeError
from adit_cli.nodes.demo.catalog import Catalog, read

LOOPBACK = "127.0.0.1"
_VERIFICATION = "1.2.840.10008.1.1"
_QUERY_RETRIEVE = tuple(
    f"1.2.840.10008.5.1.4.1.2.{root}.{service}" for root in (1, 2) for service in (1, 2, 3)
)
_PENDING, _SUCCESS, _CANCELED = 0xFF00, 0x0000, 0xFE00
_IDENTIFIER_DOES_NOT_MATCH, _INVALID_INSTANCE = 0xA900, 0x0117


class DemoPacs(AbstractContextManager["DemoPacs"]):
    """Serve the Part-10 files of a folder for a `with` block: C-ECHO, C-FIND, C-GET, C-MOVE and C-STORE.

    What is stored lands in the same folder. C-MOVE goes to the AE titles in `move_targets` only.
    """

    def __init__(self, folder: Path, *, ae_title: str = "DEMO", port: int = 0) -> None:
        self.ae_title = ae_title
        self.port = port
        self.move_targets: dict[str, tuple[str, int]] = {}
        self._folder = folder
        self._catalog = Catalog()
        self._server: ThreadedAssociationServer | None = None

    def __enter__(self) -> Self:
        for path in sorted(self._folder.rglob("*.dcm")):
            self._catalog.add(path)
        ae = _application_entity(self.ae_title)
        handlers = [
            (evt.EVT_CONN_OPEN, _without_delay),
            (evt.EVT_C_FIND, self._on_find),
            (evt.EVT_C_GET, self._on_get),
            (evt.EVT_C_MOVE, self._on_move),
            (evt.EVT_C_STORE, self._on_store),
        ]
        try:
            self._server = ae.start_server((LOOPBACK, self.port), block=False, evt_handlers=list(handlers))  # pyright: ignore[reportUnknownMemberType]  # pynetdicom's types are partial
        except OSError as error:
            raise NodeError(f"the demo PACS cannot listen on port {self.port}: {error.strerror}") from error
        self.port = _port_of(self._server)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is None:
            return
        self._server.shutdown()
        for association in self._server.ae.active_associations:
            association.abort()
            association.join(5)
        self._server.server_close()
        self._server = None

    def _on_find(self, event: Event) -> Iterator[tuple[int, Dataset | None]]:
        try:
            answers = list(self._catalog.find(event.identifier))
        except (AttributeError, KeyError):
            yield _IDENTIFIER_DOES_NOT_MATCH, None
            return
        for answer in answers:
            if event.is_cancelled:
                yield _CANCELED, None
                return
            yield _PENDING, answer

    def _on_get(self, event: Event) -> Iterator[int | tuple[int, Dataset | None]]:
        paths = self._catalog.paths(event.identifier)
        yield len(paths)
        yield from _images(event, paths)

    def _on_move(self, event: Event) -> Iterator[object]:
        target = self.move_targets.get(str(event.move_destination).strip())
        if target is None:
            yield None, None
            return
        paths = self._catalog.paths(event.identifier)
        yield target
        yield len(paths)
        yield from _images(event, paths)

    def _on_store(self, event: Event) -> int:
        uid = str(getattr(event.request, "AffectedSOPInstanceUID", ""))
        if not uid.replace(".", "").isdigit():
            return _INVALID_INSTANCE
        path = self._folder / "stored" / f"{uid}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(event.encoded_dataset())
        self._catalog.add(path)
        return _SUCCESS


def _without_delay(event: Event) -> None:
    """Turn Nagle's algorithm off: with it each image waits 40 ms for the peer's delayed acknowledgement."""
    wrapped = event.assoc.dul.socket
    if wrapped is not None and wrapped.socket is not None:
        wrapped.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _images(event: Event, paths: list[Path]) -> Iterator[tuple[int, Dataset | None]]:
    for path in paths:
        if event.is_cancelled:
            yield _CANCELED, None
            return
        yield _PENDING, read(path)


def _application_entity(ae_title: str) -> AE:
    ae = AE(ae_title=ae_title)
    for uid in (_VERIFICATION, *_QUERY_RETRIEVE):
        ae.add_supported_context(uid)
    for context in AllStoragePresentationContexts:
        uid = cast("str", context.abstract_syntax)
        ae.add_supported_context(uid, ALL_TRANSFER_SYNTAXES, scu_role=True, scp_role=True)
    ae.requested_contexts = StoragePresentationContexts
    return ae


def _port_of(server: ThreadedAssociationServer | None) -> int:
    if server is None:
        raise NodeError("the demo PACS did not start")
    return server.server_address[1]

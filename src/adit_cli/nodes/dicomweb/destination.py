"""A DICOMweb service as a destination: STOW-RS, in requests of a bounded size."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from itertools import count
from time import sleep

from adit_cli.errors import NodeError, Reason
from adit_cli.jobfile.dicomweb import DicomwebPeer
from adit_cli.nodes.base import Delivered, Delivery, Ready
from adit_cli.nodes.dicomweb.carriers import Carriers, Store
from adit_cli.nodes.dicomweb.connection import WebConnection
from adit_cli.nodes.dicomweb.source import service_path
from adit_cli.nodes.dicomweb.stow import CHANGED, FilesRefusedError, Stow, is_as_it_was

logger = logging.getLogger(__name__)

LARGEST_REQUEST = 16 << 20
"""Servers and proxies hold a request whole; a file that is larger goes alone."""
MOST_FILES = 200
PATIENCE = 3
"""Single files that may fail one after the other, with none taken, before the service counts as broken."""


class DicomwebDestination:
    """A `Destination` over kept-alive connections, as many as `limits.associations` allows."""

    def __init__(
        self, name: str, peer: DicomwebPeer, associations: int = 1, pause: Callable[[float], None] = sleep
    ) -> None:
        path = service_path(peer.stow_prefix)
        made = count()
        self._carriers = Carriers(
            lambda: Stow(WebConnection(name, peer, pause, helper=next(made) > 0), path), associations
        )

    def begin(self, task_key: str) -> Delivery:  # noqa: ARG002 - a server knows studies by their UIDs
        """Start sending one study."""
        return StowDelivery(self._carriers)

    def close(self) -> None:
        """Drop the connections."""
        self._carriers.close()


class StowDelivery:
    """A `Delivery` that collects files until a request is worth while."""

    def __init__(self, carriers: Carriers) -> None:
        self._carriers = carriers
        self._waiting: list[Ready] = []
        self._size = 0
        self._lock = threading.Lock()
        self._taken = False
        self._lost = 0

    def add(self, files: Sequence[Ready]) -> list[Delivered]:
        """Send what makes up whole requests; the rest waits for more."""
        told: list[Delivered] = []
        for file in files:
            if self._waiting and (
                self._size + file.size > LARGEST_REQUEST or len(self._waiting) == MOST_FILES
            ):
                told += self._carriers.begin(self._request())
            self._waiting.append(file)
            self._size += file.size
        return told

    def finish(self) -> list[Delivered]:
        """Send what waits; a server that answers keeps it, so there is nothing more to do."""
        return self._carriers.finish(self._request() if self._waiting else None)

    def abandon(self) -> None:
        """Forget what waits, and break off what is under way."""
        self._waiting, self._size = [], 0
        self._carriers.interrupt()

    def _request(self) -> Store:
        """Return the request of what waits, which waits no longer."""
        files = tuple(self._waiting)
        self._waiting, self._size = [], 0
        return lambda stow: self._sent_what_is_there(stow, files)

    def _sent_what_is_there(self, stow: Stow, files: Sequence[Ready]) -> list[Delivered]:
        """Send what can be read; a file that went away or changed must not keep the others of its request."""
        there = [file for file in files if is_as_it_was(file)]
        gone = [file.uid for file in files if file not in there]
        told = self._sent(stow, there) if there else []
        told += [Delivered(uid, accepted=False, reason=Reason.REJECTED, message=CHANGED) for uid in gone]
        return told

    def _sent(self, stow: Stow, files: Sequence[Ready]) -> list[Delivered]:
        """Send files together; in halves where all are refused, for the sake of one perhaps."""
        try:
            told = stow.store(files)
        except FilesRefusedError as refusal:
            return self._told_after(stow, refusal.error, files)
        with self._lock:
            self._taken = self._taken or any(one.accepted for one in told)
            self._lost = 0
        return told

    def _told_after(self, stow: Stow, error: NodeError, files: Sequence[Ready]) -> list[Delivered]:
        if len(files) > 1:
            logger.info("%s Sending %d files in two requests", error.message, len(files))
            middle = len(files) // 2
            return self._sent(stow, files[:middle]) + self._sent(stow, files[middle:])
        with self._lock:
            self._lost += 1
            is_broken = self._lost >= PATIENCE and not self._taken
        if is_broken:
            raise error
        reason = Reason.NO_CONTEXT if error.reason is Reason.NO_CONTEXT else Reason.REJECTED
        return [Delivered(files[0].uid, accepted=False, reason=reason, message=error.message)]

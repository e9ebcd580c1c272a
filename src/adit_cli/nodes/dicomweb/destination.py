"""A DICOMweb service as a destination: STOW-RS, in requests of a bounded size."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from time import sleep

from adit_cli.errors import NodeError, Reason
from adit_cli.jobfile.dicomweb import DicomwebPeer
from adit_cli.nodes.base import Delivered, Delivery, Ready
from adit_cli.nodes.dicomweb.connection import WebConnection
from adit_cli.nodes.dicomweb.source import service_path
from adit_cli.nodes.dicomweb.stow import FilesRefusedError, Stow

logger = logging.getLogger(__name__)

LARGEST_REQUEST = 16 << 20
"""Servers and proxies hold a request whole; a file that is larger goes alone."""
MOST_FILES = 200
PATIENCE = 3
"""Single files that may fail one after the other, with none taken, before the service counts as broken."""


class DicomwebDestination:
    """A `Destination` over one kept-alive connection."""

    def __init__(self, name: str, peer: DicomwebPeer, pause: Callable[[float], None] = sleep) -> None:
        self._connection = WebConnection(name, peer, pause)
        self._stow = Stow(self._connection, service_path(peer.stow_prefix))

    def begin(self, task_key: str) -> Delivery:  # noqa: ARG002 - a server knows studies by their UIDs
        """Start sending one study."""
        return StowDelivery(self._stow)

    def close(self) -> None:
        """Drop the connection."""
        self._connection.close()


class StowDelivery:
    """A `Delivery` that collects files until a request is worth while."""

    def __init__(self, stow: Stow) -> None:
        self._stow = stow
        self._waiting: list[Ready] = []
        self._size = 0
        self._taken = False
        self._lost = 0

    def add(self, files: Sequence[Ready]) -> list[Delivered]:
        """Send what makes up whole requests; the rest waits for more."""
        told: list[Delivered] = []
        for file in files:
            if self._waiting and (
                self._size + file.size > LARGEST_REQUEST or len(self._waiting) == MOST_FILES
            ):
                told += self.finish()
            self._waiting.append(file)
            self._size += file.size
        return told

    def finish(self) -> list[Delivered]:
        """Send what waits; a server that answers keeps it, so there is nothing more to do."""
        waiting = self._waiting
        self.abandon()
        return self._sent(waiting) if waiting else []

    def abandon(self) -> None:
        """Forget what waits."""
        self._waiting, self._size = [], 0

    def _sent(self, files: Sequence[Ready]) -> list[Delivered]:
        """Send files together; in halves where all are refused, for the sake of one perhaps."""
        try:
            told = self._stow.store(files)
        except FilesRefusedError as refusal:
            return self._told_after(refusal.error, files)
        self._taken = self._taken or any(one.accepted for one in told)
        self._lost = 0
        return told

    def _told_after(self, error: NodeError, files: Sequence[Ready]) -> list[Delivered]:
        if len(files) > 1:
            logger.info("%s Sending %d files in two requests", error.message, len(files))
            middle = len(files) // 2
            return self._sent(files[:middle]) + self._sent(files[middle:])
        self._lost += 1
        if self._lost == PATIENCE and not self._taken:
            raise error
        reason = Reason.NO_CONTEXT if error.reason is Reason.NO_CONTEXT else Reason.REJECTED
        return [Delivered(files[0].uid, accepted=False, reason=reason, message=error.message)]

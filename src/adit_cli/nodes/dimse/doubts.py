"""Instances at which a server breaks off or falls silent: one of them must not keep the others away."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from adit_cli.errors import NodeError, Reason
from adit_cli.nodes.base import Delivered, Ready

MOST_IN_A_ROW = 3


class Doubts:
    """What failed while one study was sent. The server is to blame until it answers for another instance."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failed: dict[str, tuple[Ready, NodeError]] = {}
        self._in_a_row = 0
        self._answered: Ready | None = None

    def suspects(self, file: Ready) -> bool:
        """Return whether sending this one may well be in vain, so that it is tried only once."""
        return self._in_a_row > 0 or file.uid in self._failed

    def answered(self, file: Ready) -> None:
        """Note that the server answered for an instance, whatever it said."""
        with self._lock:
            self._in_a_row = 0
            self._answered = file
            self._failed.pop(file.uid, None)

    def failed(self, file: Ready, error: NodeError) -> None:
        """Put a file aside; where it is one too many in a row, its error is that of the server."""
        with self._lock:
            if file.uid in self._failed:
                return
            self._in_a_row += 1
            if self._in_a_row >= MOST_IN_A_ROW:
                raise error
            self._failed[file.uid] = file, error

    def worth_another_try(self) -> list[Ready]:
        """Return the files that failed, if they are so few that it may have been a mishap."""
        files = [file for file, _ in self._failed.values()]
        return files if len(files) < MOST_IN_A_ROW else []

    def witness(self) -> list[Ready]:
        """Return a file that the server answered for, where only that can show whether it is still well."""
        return [self._answered] if self._in_a_row and self._answered is not None else []

    def settled(self) -> Iterator[Delivered]:
        """Yield the answers for what failed; its error where nothing shows that the server is well again."""
        if self._in_a_row:
            raise next(error for _, error in reversed(self._failed.values()))
        for file, error in self._failed.values():
            said = f"{error.message.rstrip('.')}, whenever this instance was sent; it answered for others."
            yield Delivered(file.uid, accepted=False, reason=Reason.REJECTED, message=said)

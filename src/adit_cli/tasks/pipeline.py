"""What a file passes between arrival and delivery: a thread that prepares, and one for each destination."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from adit_cli.errors import AditError
from adit_cli.nodes.base import Delivered, Destination, Ready
from adit_cli.tasks.lane import Lane
from adit_cli.tasks.ledger import Ledger
from adit_cli.tasks.prepare import Preparation, Preparer
from adit_cli.tasks.receipts import Receipts


class Stopped(Exception):  # noqa: N818 - no error: what follows would be in vain, the reason is kept elsewhere
    """Ends a retrieval whose files nobody can take any more."""


class Pipeline:
    """Open for a `with` block; however that ends, the threads have, and no destination holds half a study."""

    def __init__(
        self, preparation: Preparation, ledger: Ledger, destinations: Mapping[str, Destination], task_key: str
    ) -> None:
        self.finished = False
        """Whether the destinations were told that the study is whole."""
        self._ledger = ledger
        self._lanes: list[Lane] = []
        try:
            for name, destination in destinations.items():
                receipts = Receipts(preparation.spool.receipts(name))
                self._lanes.append(Lane(name, destination, task_key, receipts))
        except AditError:
            self._close_lanes()
            raise
        self._preparer = Preparer(preparation, ledger, self._lanes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._preparer.stop(error)
        self._preparer.drain()
        self._close_lanes()

    @property
    def handed(self) -> int:
        """How many files every destination was given."""
        return min(lane.handed for lane in self._lanes)

    @property
    def answers(self) -> dict[str, Sequence[Delivered]]:
        """What each destination said that did not fail as a whole."""
        return {lane.name: lane.answers for lane in self._lanes if lane.error is None}

    @property
    def told(self) -> dict[str, Sequence[Delivered]]:
        """What all destinations said, those that failed later too."""
        return {lane.name: lane.answers for lane in self._lanes}

    @property
    def notes(self) -> list[str]:
        """What the destinations have to say besides."""
        return [note for lane in self._lanes for note in lane.notes]

    def put(self, uid: str, path: Path) -> None:
        """Take a file that arrived; Stopped where nobody can take it on."""
        if self._preparer.error is not None or all(lane.error is not None for lane in self._lanes):
            raise Stopped
        self._preparer.put(uid, path)

    def hand_on(self, uid: str, ready: Ready) -> None:
        """Take a file that an earlier attempt made ready."""
        self._preparer.hand_on(uid, ready)

    def finish(self, *, deliver: bool) -> AditError | None:
        """Let all come through and, if it is whole, show the study; return what went wrong.

        What is no AditError is a bug, and raised here.
        """
        self._preparer.drain()
        for lane in self._lanes:
            lane.drain()
        if deliver and self._preparer.error is None and self._ledger.ready:
            self.finished = True
            for lane in self._lanes:
                lane.finish()
        errors = [self._preparer.error, *(lane.error for lane in self._lanes)]
        return next((_known(error) for error in errors if error is not None), None)

    def _close_lanes(self) -> None:
        for lane in self._lanes:
            lane.drain()
            lane.abandon()


def _known(error: BaseException) -> AditError:
    if isinstance(error, AditError):
        return error
    raise error

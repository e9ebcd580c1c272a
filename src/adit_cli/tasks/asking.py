"""Ask several nodes the same at once, and hand over what each answers as it comes, node after node.

Every node is asked by a thread of its own that also opens and closes it, so that a slow reader of the
results, such as a pager, keeps no association waiting.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field

from adit_cli.dicom.query import Attributes
from adit_cli.errors import AditError
from adit_cli.nodes.base import Guarded, Reporting, Source
from adit_cli.tasks.lookup import Lookup, Remarks, look_up_each

PAUSE = 0.3
"""Seconds without an answer after which whoever waits is told so."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A node by its name, and how it is opened."""

    name: str
    open: Callable[[], AbstractContextManager[Source]]


@dataclass(frozen=True, slots=True)
class Batch:
    """Some answers of one node; none where it is slow."""

    node: str
    found: list[Attributes]


@dataclass(slots=True)
class Inquiry:
    """One question to several nodes. Those that fail keep none of the others away."""

    nodes: Sequence[Asked]
    lookup: Lookup
    failed: dict[str, AditError] = field(default_factory=dict[str, AditError])
    notes: list[str] = field(default_factory=list[str])
    """What a person should know of the nodes."""
    is_whole: bool = True
    """Whether every node that answered could read all that it has."""

    def batches(self) -> Iterator[Batch]:
        """Yield the answers in the order of the nodes; closing this asks no further."""
        stopped = threading.Event()
        asking = [_Asking(node, self.lookup, stopped) for node in self.nodes]
        try:
            for one in asking:
                threading.Thread(target=one.run, daemon=True).start()
            for one in asking:
                yield from (Batch(one.node.name, found) for found in one.batches())
                self.notes += one.notes
                self.is_whole = self.is_whole and one.is_whole
                if isinstance(one.error, AditError):
                    self.failed[one.node.name] = one.error
                elif one.error is not None:
                    raise one.error
        finally:
            stopped.set()


class _Asking:
    """One node being asked by a thread, and what it has answered that nobody has taken yet."""

    def __init__(self, node: Asked, lookup: Lookup, stopped: threading.Event) -> None:
        self.node = node
        self.error: BaseException | None = None
        self.notes: list[str] = []
        self.is_whole = True
        self._lookup = lookup
        self._stopped = stopped
        self._changed = threading.Condition()
        self._waiting: list[Attributes] = []
        self._ended = False
        self._remarks = Remarks()

    def run(self) -> None:
        """Ask until the node has said all, or nobody wants more."""
        try:
            with self.node.open() as source:
                self._take_all(source)
                self.notes = source.notes() if isinstance(source, Reporting) else []
                self.is_whole = not (isinstance(source, Guarded) and source.unread())
                self.notes += self._remarks.sentences(self.node.name)
        except BaseException as error:  # noqa: BLE001 - it is raised where the answers are taken
            self.error = error
        with self._changed:
            self._ended = True
            self._changed.notify()

    def batches(self) -> Iterator[list[Attributes]]:
        """Yield what has come since the last time; an empty list where nothing has for a while."""
        while True:
            with self._changed:
                self._changed.wait_for(self._has_news, PAUSE)
                found, self._waiting = self._waiting, []
                ended = self._ended
            if found or not ended:
                yield found
            if ended:
                return

    def _take_all(self, source: Source) -> None:
        with closing(look_up_each(source, self._lookup, self._remarks)) as answers:
            for one in answers:
                if self._stopped.is_set():
                    return
                self._take(one)

    def _take(self, one: Attributes) -> None:
        with self._changed:
            self._waiting.append(one)
            if len(self._waiting) == 1:
                self._changed.notify()

    def _has_news(self) -> bool:
        return bool(self._waiting) or self._ended

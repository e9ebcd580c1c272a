"""A server that speaks both DIMSE and DICOMweb: the preferred way, and the next where it isn't offered."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from adit_cli.dicom.json_model import JsonDataset
from adit_cli.dicom.query import Attributes, Level
from adit_cli.errors import NodeError, Reason
from adit_cli.nodes.base import (
    Delivered,
    Delivery,
    Describing,
    Destination,
    FailedInstance,
    Forwarded,
    Forwarding,
    InstanceRef,
    OnArrival,
    Ready,
    Relational,
    Reporting,
    RetrieveRequest,
    Source,
    Streaming,
    Unlisting,
)

logger = logging.getLogger(__name__)


class Closable(Protocol):
    """What both sides of a node have in common."""

    def close(self) -> None:
        """Release what is held open."""
        ...


Side = TypeVar("Side", bound=Closable)
Result = TypeVar("Result")
_NOT_OFFERED = frozenset((Reason.NO_CONTEXT, Reason.NOT_FOUND))


class Ways(Generic[Side]):
    """One side of a server by the protocols that lead to it, each opened when it is first needed."""

    def __init__(self, name: str, openers: Mapping[str, Callable[[], Side]]) -> None:
        self._name = name
        self._openers = openers
        self._opened: dict[str, Side] = {}

    def side(self, way: str) -> Side:
        """Return the side that a way such as `wado-rs` leads to."""
        protocol = _protocol(way)
        if protocol not in self._opened:
            self._opened[protocol] = self._openers[protocol]()
        return self._opened[protocol]

    def opened(self) -> list[Side]:
        """Return the sides in use."""
        return list(self._opened.values())

    def first(self, ways: list[str], call: Callable[[Side], Result]) -> Result:
        """Return what the first way that the server offers returns; those it doesn't offer leave the list."""
        while True:
            try:
                return call(self.side(ways[0]))
            except NodeError as error:
                if not self.give_up(ways, error):
                    raise

    def give_up(self, ways: list[str], error: NodeError, *, quietly: bool = False) -> bool:
        """Drop the first way for the next if the error says that it isn't offered, and say so."""
        if len(ways) == 1 or error.reason not in _NOT_OFFERED:
            return False
        logger.log(
            logging.INFO if quietly else logging.WARNING,
            "%s does not offer %s (%s) Going on with %s",
            self._name,
            ways[0],
            error.message,
            ways[1],
            extra={"once": True},
        )
        ways.pop(0)
        return True

    def close(self) -> None:
        """Close what was opened."""
        for side in self._opened.values():
            side.close()
        self._opened.clear()


def _protocol(way: str) -> str:
    return "dicomweb" if way.endswith("-rs") else "dimse"


def _one_each(ways: Sequence[str]) -> list[str]:
    """Return the first way of each protocol; which of its own ways to take, a protocol knows best."""
    first: dict[str, str] = {}
    for way in ways:
        first.setdefault(_protocol(way), way)
    return list(first.values())


class PreferringSource:
    """A `Source` that finds and fetches by the ways its user prefers."""

    def __init__(self, ways: Ways[Source], find: Sequence[str], retrieve: Sequence[str]) -> None:
        self._ways = ways
        self._find = _one_each(find)
        self._retrieve = _one_each(retrieve)
        self._worked: set[str] = set()

    def find(self, level: Level, keys: Mapping[str, str]) -> list[Attributes]:
        """Return what the node has at this level."""
        return self._ways.first(self._find, lambda source: source.find(level, keys))

    def search(self, level: Level, keys: Mapping[str, str]) -> Generator[Attributes]:
        """Yield what the node has as it answers; once it has begun to, it stays with the way."""
        first, more = self._ways.first(self._find, lambda source: _begun(source, level, keys))
        if first is not None:
            yield first
            yield from more

    def describe(self, instance: InstanceRef) -> JsonDataset:
        """Return an instance's header by the first way that tells it without its pixel data."""
        return self._ways.first(list(self._retrieve), lambda source: _described(source, instance))

    def retrieve(self, request: RetrieveRequest, spool: Path, arrived: OnArrival) -> list[FailedInstance]:
        """Fetch into the spool; a study that one way does not find may be there by the next.

        A way that has brought something before is offered, whatever it says of one study.
        """
        ways, dropped = list(self._retrieve), set[str]()
        while True:
            try:
                failed = self._ways.side(ways[0]).retrieve(request, spool, arrived)
            except NodeError as error:
                is_absent = error.reason is Reason.NOT_FOUND and ways[0] in self._worked
                dropped |= set() if is_absent else {ways[0]}
                if not self._ways.give_up(ways, error, quietly=is_absent):
                    raise
            else:
                self._worked.add(ways[0])
                self._retrieve = [way for way in self._retrieve if way not in dropped]
                return failed

    def fetches_unlisted(self) -> bool:
        """Return whether the way in use can."""
        side = self._ways.side(self._retrieve[0])
        return isinstance(side, Unlisting) and side.fetches_unlisted()

    def is_relational(self) -> bool:
        """Return whether the way in use is."""
        side = self._ways.side(self._find[0])
        return isinstance(side, Relational) and side.is_relational()

    def forward(self, request: RetrieveRequest, ae_title: str) -> Forwarded:
        """Have it sent to another server, which only DIMSE can do."""
        side = self._ways.side("c-move")
        if not isinstance(side, Forwarding):
            raise NodeError("it cannot send to others", reason=Reason.NO_CONTEXT)
        return side.forward(request, ae_title)

    def notes(self) -> list[str]:
        """Return what a person should know of the node."""
        return [note for side in self._ways.opened() if isinstance(side, Reporting) for note in side.notes()]

    def close(self) -> None:
        """Release what is held open."""
        self._ways.close()


def _begun(
    source: Source, level: Level, keys: Mapping[str, str]
) -> tuple[Attributes | None, Generator[Attributes]]:
    """Return the first answer of a search and the others; an error here is one before any answer."""
    more = source.search(level, keys) if isinstance(source, Streaming) else _each(source.find(level, keys))
    return next(more, None), more


def _described(source: Source, instance: InstanceRef) -> JsonDataset:
    if not isinstance(source, Describing):
        raise NodeError("only whole instances come this way", reason=Reason.NO_CONTEXT)
    return source.describe(instance)


def _each(answers: Sequence[Attributes]) -> Generator[Attributes]:
    yield from answers


class PreferringDestination:
    """A `Destination` that stores by the ways its user prefers."""

    def __init__(self, ways: Ways[Destination], store: Sequence[str]) -> None:
        self._ways = ways
        self._store = _one_each(store)

    def begin(self, task_key: str) -> Delivery:
        """Start delivering one study."""
        return _PreferringDelivery(self._ways, self._store, task_key)

    def close(self) -> None:
        """Release what is held open."""
        self._ways.close()


class _PreferringDelivery:
    """Changes the way as long as nothing was said of any instance; then the study stays with it."""

    def __init__(self, ways: Ways[Destination], store: list[str], task_key: str) -> None:
        self._ways = ways
        self._store = store
        self._task_key = task_key
        self._untold: list[Ready] | None = []
        self._delivery = self._begun()

    def add(self, files: Sequence[Ready]) -> list[Delivered]:
        """Hand the files over by the way in use."""
        if self._untold is not None:
            self._untold += files
        return self._tried(lambda: self._delivery.add(files))

    def finish(self) -> list[Delivered]:
        """Hand over what is left."""
        return self._tried(self._delivery.finish)

    def notes(self) -> list[str]:
        """Return what the way in use has to say of the study."""
        return self._delivery.notes() if isinstance(self._delivery, Reporting) else []

    def abandon(self) -> None:
        """Leave nothing half-written behind."""
        self._delivery.abandon()

    def _begun(self) -> Delivery:
        return self._ways.side(self._store[0]).begin(self._task_key)

    def _tried(self, hand_over: Callable[[], list[Delivered]]) -> list[Delivered]:
        try:
            told = hand_over()
        except NodeError as error:
            if self._untold is None or not self._ways.give_up(self._store, error):
                raise
            self._delivery.abandon()
            self._delivery = self._begun()
            files = self._untold
            return self._tried(lambda: [*self._delivery.add(files), *self._delivery.finish()])
        if told:
            self._untold = None
        return told

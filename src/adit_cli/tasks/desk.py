"""Who asks the sources: one at a time, or several side by side, each with sources of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

from adit_cli.tasks.places import Place

Item = TypeVar("Item")
Result = TypeVar("Result")
AHEAD = 4
"""Questions for each that asks which may be answered before the first result is taken."""


class Desk:
    """Sources that are open, one set for each that asks; all sets have the same sources in the same order."""

    def __init__(self, *places: Sequence[Place]) -> None:
        self._places = places

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the sources, in the order in which they are tried."""
        return tuple(place.name for place in self._places[0])

    @property
    def first(self) -> Sequence[Place]:
        """One set of sources."""
        return self._places[0]

    def map(self, ask: Callable[[Sequence[Place], Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """Yield the results in the order of the items; the first error ends it."""
        if len(self._places) == 1 or len(items) <= 1:
            return (ask(self._places[0], item) for item in items)
        return self._side_by_side(ask, items)

    def _side_by_side(
        self, ask: Callable[[Sequence[Place], Item], Result], items: Sequence[Item]
    ) -> Iterator[Result]:
        free: SimpleQueue[Sequence[Place]] = SimpleQueue()
        for places in self._places:
            free.put(places)

        def asked(item: Item) -> Result:
            places = free.get()
            try:
                return ask(places, item)
            finally:
                free.put(places)

        waiting: list[Future[Result]] = []
        with ThreadPoolExecutor(len(self._places), "ask") as pool:
            try:
                for item in items:
                    waiting.append(pool.submit(asked, item))
                    if len(waiting) > AHEAD * len(self._places):
                        yield waiting.pop(0).result()
                while waiting:
                    yield waiting.pop(0).result()
            finally:
                for one in waiting:
                    one.cancel()

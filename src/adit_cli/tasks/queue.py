"""A queue between two threads that holds only so much.

`queue.Queue` waits and wakes in Python, under the lock that all threads share; for every image that costs
more than to parse its header.
"""

from __future__ import annotations

from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

Item = TypeVar("Item")

__all__ = ["BoundedQueue", "Empty"]


class BoundedQueue(Generic[Item]):
    """First in, first out; who puts waits while it is full, who takes waits while it is empty."""

    def __init__(self, depth: int) -> None:
        self._items: SimpleQueue[Item] = SimpleQueue()
        self._places: SimpleQueue[None] = SimpleQueue()
        for _ in range(depth):
            self._places.put(None)

    def put(self, item: Item) -> None:
        """Add an item when there is a place for it."""
        self._places.get()
        self._items.put(item)

    def get(self) -> Item:
        """Wait for the next item."""
        item = self._items.get()
        self._places.put(None)
        return item

    def get_nowait(self) -> Item:
        """Return the next item; Empty where there is none yet."""
        item = self._items.get_nowait()
        self._places.put(None)
        return item

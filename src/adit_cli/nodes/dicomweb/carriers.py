"""Several connections to one service that store at once: while it works on one request, another arrives.

A request that nothing follows goes in the caller's thread, the others in threads of their own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TypeAlias

from adit_cli.nodes.base import Delivered
from adit_cli.nodes.dicomweb.stow import Stow

Store: TypeAlias = Callable[[Stow], list[Delivered]]
_Ended: TypeAlias = "tuple[Stow, list[Delivered] | BaseException]"


class Carriers:
    """As many connections as the node's limit allows, opened when there is work for them."""

    def __init__(self, make: Callable[[], Stow], most: int) -> None:
        self._make = make
        self._most = most
        self._free: list[Stow] = []
        self._busy: list[Stow] = []
        self._ended: SimpleQueue[_Ended] = SimpleQueue()

    def begin(self, store: Store) -> list[Delivered]:
        """Start a request and return what was answered since; waits until a connection is free for it."""
        if self._most == 1:
            return self._alone(store)
        told: list[Delivered] = []
        while len(self._busy) == self._most or not self._ended.empty():
            told += self._next()
        stow = self._take()
        threading.Thread(target=self._carry, args=(stow, store, self._ended), daemon=True).start()
        return told

    def finish(self, store: Store | None) -> list[Delivered]:
        """Make a last request, if there is one, and return the answers to all that are under way."""
        told = [] if store is None else self.begin(store) if self._busy else self._alone(store)
        while self._busy:
            told += self._next()
        return told

    def interrupt(self) -> None:
        """Break off what is under way; those connections are not used again."""
        for stow in self._busy:
            stow.interrupt()
        while not self._ended.empty():
            self._ended.get()[0].close()
        self._busy, self._ended = [], SimpleQueue()

    def close(self) -> None:
        """Drop the connections."""
        self.interrupt()
        for stow in self._free:
            stow.close()

    def _alone(self, store: Store) -> list[Delivered]:
        stow = self._take()
        try:
            return store(stow)
        finally:
            self._give_back(stow)

    def _take(self) -> Stow:
        stow = self._free.pop() if self._free else self._make()
        self._busy.append(stow)
        return stow

    def _give_back(self, stow: Stow) -> None:
        self._busy.remove(stow)
        self._free.append(stow)

    def _next(self) -> list[Delivered]:
        stow, outcome = self._ended.get()
        self._give_back(stow)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    @staticmethod
    def _carry(stow: Stow, store: Store, ended: SimpleQueue[_Ended]) -> None:
        try:
            ended.put((stow, store(stow)))
        except BaseException as error:  # noqa: BLE001 - raised in the thread that asked
            ended.put((stow, error))
        if stow.is_interrupted:
            stow.close()

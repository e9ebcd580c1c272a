"""Network work of the browser, each in a thread of its own that also opens and closes the node.

One that nobody waits for any more is told to stop and forgotten: it may hang until its node's timeout,
and the browser does not.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Generic, TypeVar

from textual.message import Message
from textual.message_pump import MessagePump

from adit_cli.errors import AditError
from adit_cli.nodes.base import Source

Result = TypeVar("Result")
Open = Callable[[], AbstractContextManager[Source]]
SOME = 200
"""Results that are shown together."""


class Came(Message, Generic[Result]):
    """Some results of an errand."""

    def __init__(self, errand: Errand[Result], results: list[Result]) -> None:
        super().__init__()
        self.errand = errand
        self.results = results


class Done(Message, Generic[Result]):
    """An errand is over; `error` says what went wrong."""

    def __init__(self, errand: Errand[Result], error: AditError | None) -> None:
        super().__init__()
        self.errand = errand
        self.error = error


class Errand(Generic[Result]):
    """One piece of work whose results are posted to a part of the screen as they come."""

    def __init__(self, to: MessagePump, open_node: Open, work: Callable[[Source], Iterator[Result]]) -> None:
        self._to = to
        self._open = open_node
        self._work = work
        self._given_up = threading.Event()

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._run, daemon=True).start()

    def give_up(self) -> None:
        """Want nothing more of it."""
        self._given_up.set()

    @property
    def is_given_up(self) -> bool:
        """Whether its results are for nobody."""
        return self._given_up.is_set()

    def _run(self) -> None:
        error: AditError | None = None
        try:
            with self._open() as source:
                self._go_through(self._work(source))
        except AditError as raised:
            error = raised
        except Exception as raised:  # noqa: BLE001 - a bug is told like any other failure, without its words
            error = AditError(f"unexpected error: {type(raised).__name__}", hint="this is a bug")
        self._post(Done(self, error))

    def _go_through(self, results: Iterator[Result]) -> None:
        some: list[Result] = []
        for one in results:
            if self.is_given_up:
                return
            some.append(one)
            if len(some) in {1, SOME}:
                self._post(Came(self, some))
                some = []
        self._post(Came(self, some))

    def _post(self, message: Message) -> None:
        if not self.is_given_up:
            self._to.post_message(message)

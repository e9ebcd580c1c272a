"""Serve the inbox of this machine's jobs: for as long as the user wants, or as long as jobs use it.

`python -m adit_cli.nodes.dimse.resident` is the latter: it reads its order, leaves its parent, says one word
when it listens or why it cannot, and ends with the last job that uses the inbox.
"""

from __future__ import annotations

import json
import os
import pickle
import sys

from adit_cli.errors import AditError, UsageError
from adit_cli.jobfile.receiver import Order
from adit_cli.nodes.dimse.guests import Guests
from adit_cli.nodes.dimse.receiver import Reception, serve
from adit_cli.nodes.dimse.scp import Happening, OnEvent, ReceiveEvent
from adit_cli.nodes.dimse.shelves import ForMoves
from adit_cli.nodes.inbox import Inbox, Lock, Refused, Served


class AlreadyServedError(UsageError):
    """Another receiver serves the inbox."""


def serve_inbox(order: Order, on_event: OnEvent, *, only_while_used: bool = False) -> None:
    """Serve until SIGTERM or, if so wanted, until no job uses the inbox.

    AlreadyServedError where another receiver does.
    """
    inbox = Inbox(order.inbox)
    lock = inbox.serve()
    if lock is None:
        there = inbox.served()
        who = f"{there.ae_title} on port {there.port}, process {there.pid}" if there else "it just ended"
        raise AlreadyServedError(
            f"A receiver serves this machine's jobs already: {who}.",
            hint="Jobs use that one. With -o DIR another one can file into a folder, on another port.",
        )
    watch = _Watch(inbox, lock, order.ae_title, on_event)
    serve(_reception(order, inbox), watch.tell, inbox.until_unused if only_while_used else None)
    lock.close()


def _reception(order: Order, inbox: Inbox) -> Reception:
    """Return how the inbox is served: it outlives no power failure, so nothing in it is synced.

    Whoever moves a study empties its folder first, and counts a file where it is counted in any spool.
    """
    spec = order.spec
    guests = Guests((*spec.accept, *order.known), inbox.asked)
    return Reception(
        order.ae_title,
        spec.port,
        inbox.folder,
        spec.host,
        guests,
        spec.max_associations,
        sync=False,
        tls=spec.tls,
        shelf=ForMoves(inbox.expects),
    )


class _Watch:
    """Keeps the inbox informed of what its receiver does."""

    def __init__(self, inbox: Inbox, lock: Lock, ae_title: str, on_event: OnEvent) -> None:
        self._inbox = inbox
        self._lock = lock
        self._ae_title = ae_title
        self._on_event = on_event

    def tell(self, event: ReceiveEvent) -> None:
        """Take one event."""
        match event.happening:
            case Happening.LISTENING:
                self._inbox.announce(self._lock, Served(self._ae_title, event.port, os.getpid()))
            case Happening.REFUSED:
                said = f"{event.calling}@{event.host}: {event.message}"
                self._inbox.note_refused(Refused(said, event.status))
            case Happening.ENDED:
                self._inbox.sweep()
            case _:
                pass
        self._on_event(event)


def main() -> None:
    """Be the receiver of whoever started this."""
    order: Order = pickle.load(sys.stdin.buffer)  # noqa: S301 - from our parent; JSON would hide passwords
    if os.fork():
        os._exit(0)  # nobody has to wait for us
    os.chdir("/")
    try:
        serve_inbox(order, _say_ready, only_while_used=True)
    except AlreadyServedError:
        _say({})
    except AditError as error:
        _say({"message": error.message, "hint": error.hint})


def _say_ready(event: ReceiveEvent) -> None:
    if event.happening is Happening.LISTENING:
        _say({})


def _say(problem: dict[str, str]) -> None:
    """Say what is wrong, if anything is, to whoever started us and waits for it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.write(1, json.dumps(problem).encode())
    os.dup2(nowhere, 1)


if __name__ == "__main__":
    main()

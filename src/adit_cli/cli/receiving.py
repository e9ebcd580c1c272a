"""Prepare a receiver from config and options, and show what it does."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import typer
from pydantic import ValidationError

from adit_cli.cli.status_line import StatusLine
from adit_cli.cli.wording import duration, size
from adit_cli.counting import count
from adit_cli.errors import UsageError
from adit_cli.jobfile.node import DimsePeer, NodeSpec, ServerNode
from adit_cli.jobfile.receiver import Order, ReceiverSpec
from adit_cli.jobfile.tls import ReceiverTls
from adit_cli.nodes.dimse.guests import Guests
from adit_cli.nodes.dimse.receiver import Reception
from adit_cli.nodes.dimse.scp import Happening, ReceiveEvent
from adit_cli.nodes.dimse.shelves import ByLayout


def receiver_spec(
    spec: ReceiverSpec,
    host: str,
    port: int | None,
    accept: Sequence[str],
    most: int | None,
    tls: ReceiverTls | None,
) -> ReceiverSpec:
    """Return the config's receiver as options change it; an option that was not given changes nothing."""
    given = {"host": host, "port": port, "max_associations": most, "tls": tls}
    changes = {key: value for key, value in given.items() if value not in {None, ""}}
    try:
        return ReceiverSpec.model_validate({**dict(spec), **changes, "accept": (*spec.accept, *accept)})
    except ValidationError as error:
        why = "; ".join(str(one.get("ctx", {}).get("error", one["msg"])) for one in error.errors())
        raise UsageError(f"the receiver cannot be as asked: {why}") from None


def callers(nodes: Mapping[str, NodeSpec]) -> list[str]:
    """Return the servers of a config as those who may call."""
    peers = (node.dimse for node in nodes.values() if isinstance(node, ServerNode))
    return [f"{peer.ae_title}@{peer.host}" for peer in peers if isinstance(peer, DimsePeer)]


def reception_into(order: Order, folder: Path, layout: str, *, sync: bool) -> Reception:
    """Return the reception of one who files into a folder."""
    return Reception(
        order.ae_title,
        order.spec.port,
        folder,
        order.spec.host,
        Guests((*order.spec.accept, *order.known)),
        order.spec.max_associations,
        sync,
        tls=order.spec.tls,
        shelf=ByLayout(layout) if layout else None,
    )


class ReceiveWatch:
    """Counts what arrives and tells the terminal: lines, and below them how it stands now."""

    def __init__(self, ae_title: str, folder: Path | None, *, verbosity: int) -> None:
        self._ae_title = ae_title
        self._where = f"into {folder}" if folder else "for the jobs of this machine"
        self._verbosity = verbosity
        self._line = StatusLine(sys.stderr if verbosity >= 0 else None)
        self._began: float | None = None
        self._open = 0
        self._files = 0
        self._size = 0
        self._told = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._line.clear()
        if self._began is not None:
            open_for = duration(time.monotonic() - self._began)
            self._say(f"received {count(self._files, 'instance')}, {size(self._size)} in {open_for}")

    def show(self, event: ReceiveEvent) -> None:
        """Take one event."""
        match event.happening:
            case Happening.LISTENING:
                self._began = time.monotonic()
                self._say(f"{self._ae_title} receives on port {event.port} {self._where}; Ctrl-C ends it")
            case Happening.OPENED:
                self._open += 1
                self._say(f"{event.calling}@{event.host} calls", level=1)
            case Happening.STORED:
                self._files += 1
                self._size += event.size
                self._say(f"{event.calling}: {event.study_uid}/{event.uid}", level=2)
            case Happening.REFUSED:
                what = f" {event.uid}" if event.uid else ""
                self._say(f"{event.calling}@{event.host}: refused{what}: {event.message}", level=-1)
            case Happening.ENDED:
                self._end(event)
        self._line.show(self._state())

    def _end(self, event: ReceiveEvent) -> None:
        self._open -= bool(event.calling)  # nobody is counted before it has said who it is
        new = self._files - self._told
        self._told = self._files
        total = f"{count(new, 'instance')} since the last line" if new else "nothing new"
        self._say(f"{event.calling or 'someone'}@{event.host}: {event.message}; {total}")

    def _state(self) -> str:
        senders = f"{count(self._open, 'sender')} now" if self._open else "nobody sends now"
        return f"{senders}; {count(self._files, 'instance')}, {size(self._size)} so far"

    def _say(self, text: str, level: int = 0) -> None:
        if self._verbosity >= level:
            self._line.clear()
            typer.echo(text, err=True)

"""Who may have a worker: each holds its share of every server's associations, among all jobs of the machine.

The parent takes the slots before it starts the process and gives them back when that has ended. It takes one
of each server or none, so that two jobs never wait for each other.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TypeAlias

from adit_cli.engine.shares import servers, share
from adit_cli.engine.worker import Setup
from adit_cli.jobfile.job import Job
from adit_cli.jobfile.node import label
from adit_cli.nodes.limits import NodeSlots

logger = logging.getLogger(__name__)


class Seat:
    """The right to one worker."""

    def __init__(self, setup: Setup, held: ExitStack | None = None) -> None:
        self.setup = setup
        self._held = held or ExitStack()

    def close(self) -> None:
        """Give back what it holds."""
        self._held.close()


Seating: TypeAlias = Callable[[], Seat | None]
"""Returns a seat, or None where other jobs have taken what there is for now."""


def unlimited(setup: Setup) -> Seating:
    """Return a seating where nobody waits."""
    return partial(Seat, setup)


class ServerSeats:
    """The seats of a job that uses servers."""

    def __init__(
        self, job: Job, workers: int, folder: Path, make_setup: Callable[[dict[str, int]], Setup]
    ) -> None:
        self._make_setup = make_setup
        self._names: dict[str, list[str]] = {}
        self._slots: dict[str, tuple[NodeSlots, int]] = {}
        self._told = False
        for name, server in servers(job).items():
            address = label(server)
            self._names.setdefault(address, []).append(name)
            slots = NodeSlots(folder, address, server.limits.associations)
            self._slots[address] = slots, share(server, workers)

    def __call__(self) -> Seat | None:
        """Return a seat with as much of each server's share as is free, at least one association."""
        granted: dict[str, int] = {}
        with ExitStack() as taken:
            for address, (slots, wanted) in self._slots.items():
                got = _take(slots, wanted, taken)
                if not got:
                    self._tell(address)
                    return None
                granted |= dict.fromkeys(self._names[address], got)
            return Seat(self._make_setup(granted), taken.pop_all())

    def _tell(self, address: str) -> None:
        if not self._told:
            logger.warning("All associations that the limit of %s allows are in use: waiting", address)
            self._told = True


def _take(slots: NodeSlots, wanted: int, taken: ExitStack) -> int:
    for number in range(wanted):
        slot = slots.try_acquire()
        if slot is None:
            return number
        taken.callback(slot.close)
    return wanted

"""The turn of a command at servers: it counts against their limits, as the workers of jobs do.

Whoever needs several servers waits for them in one order, so that two never wait for each other; jobs wait
with nothing in their hands.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from adit_cli.nodes.limits import NodeSlots


@contextmanager
def turn_at(
    folder: Path, limits: Mapping[str, int], most: int | None, waiting: Callable[[str], None]
) -> Generator[dict[str, int]]:
    """Hold associations of each address for the `with` block, one at least; yields how many of each.

    Up to `most` are taken of those that are free. `waiting` is told once of an address that has none.
    """
    with ExitStack() as held:
        granted: dict[str, int] = {}
        for address, limit in sorted(limits.items()):
            slots = NodeSlots(folder, address, limit)
            granted[address] = _take(slots, min(most or limit, limit), held, waiting)
        yield granted


def _take(slots: NodeSlots, most: int, held: ExitStack, waiting: Callable[[str], None]) -> int:
    first = slots.try_acquire()
    if first is None:
        waiting(slots.address)
        first = slots.acquire()
    held.callback(first.close)
    for number in range(1, most):
        slot = slots.try_acquire()
        if slot is None:
            return number
        held.callback(slot.close)
    return most

"""Open the sources of a job for planning, within the limits that hold for the whole machine."""

from __future__ import annotations

import logging
import threading
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from adit_cli.engine.folders import make_private
from adit_cli.engine.remembered import DiskMemory, Memory, RememberingSource
from adit_cli.engine.shares import limited
from adit_cli.errors import StoppedError
from adit_cli.jobfile.job import Job
from adit_cli.jobfile.node import ServerNode, label
from adit_cli.nodes import NodePool
from adit_cli.nodes.limits import NodeSlots
from adit_cli.tasks.desk import Desk
from adit_cli.tasks.places import Place
from adit_cli.tasks.windows import Cap

SIDE_BY_SIDE = 4
"""How many ask at most: C-FIND is quick, and the archive has others to serve."""
PAUSE = 0.25
FOLDERS = 1000
"""How many may use a folder at once: as many as there can be."""

logger = logging.getLogger(__name__)


class Claims:
    """The associations that planning holds of each server: one for each that asks."""

    def __init__(self, job: Job, slots: Path, stopping: threading.Event) -> None:
        servers = [node for name in job.source if isinstance(node := job.node(name), ServerNode)]
        by_address = {label(server): server.limits.associations for server in servers}
        self._slots = [NodeSlots(slots, address, limit) for address, limit in by_address.items()]
        for folder in (slots.parent, slots) if self._slots else ():
            make_private(folder)
        self._stopping = stopping
        self._held = ExitStack()

    @property
    def any_server(self) -> bool:
        """Whether a source is more than a folder."""
        return bool(self._slots)

    @property
    def limit(self) -> int:
        """How many associations each source allows."""
        return min((slots.limit for slots in self._slots), default=FOLDERS)

    def take(self, most: int = 1) -> int:
        """Take an association of every server, as often as it can be had; wait for the first one."""
        if not self._take_one():
            logger.warning("All associations that the limits of the sources allow are in use: waiting")
            while not self._take_one():
                if self._stopping.wait(PAUSE):
                    raise StoppedError("stopped before everything was looked up")
        if not self._slots:
            return 1
        return 1 + sum(self._take_one() for _ in range(min(most, self.limit) - 1))

    def release(self) -> None:
        """Give them back."""
        self._held.close()

    def _take_one(self) -> bool:
        with ExitStack() as taken:
            for slots in self._slots:
                slot = slots.try_acquire()
                if slot is None:
                    return False
                taken.callback(slot.close)
            self._held.push(taken.pop_all().__exit__)
        return True


class OpenDesk:
    """A desk, and what it holds while it is open."""

    def __init__(
        self, job: Job, claims: Claims, most: int, *, memory: Memory | None = None, index: Path | None = None
    ) -> None:
        self._claims = claims
        self._memory = memory
        nodes = limited(job, dict.fromkeys(job.source, 1))
        asking = range(claims.take(most))
        self._pools = [NodePool(nodes, job.calling_ae_title, index=index) for _ in asking]
        caps = {name: _cap(job, name) for name in job.source}
        self.desk = Desk(*(list(_places(job, pool, caps, memory)) for pool in self._pools))

    @property
    def needs_all(self) -> bool:
        """Whether nobody else can use a source meanwhile."""
        return self._claims.limit == len(self._pools)

    def rest(self) -> None:
        """Let others use the sources; they are opened again when the next question is asked."""
        for pool in self._pools:
            for place in self.desk.first:
                pool.source(place.name).close()
        self._claims.release()

    def resume(self) -> None:
        """Use them again."""
        self._claims.take()

    def close(self) -> None:
        """Close everything."""
        for pool in self._pools:
            pool.close()
        self._claims.release()
        if self._memory is not None:
            self._memory.close()


@contextmanager
def open_desk(
    job: Job,
    slots: Path,
    most: int = SIDE_BY_SIDE,
    stopping: threading.Event | None = None,
    *,
    memory: Path | None = None,
    index: Path | None = None,
) -> Generator[OpenDesk]:
    """Open the job's sources for so many that ask side by side, as far as the limits allow.

    What servers answer may be remembered in the folder `memory`, for as long as the job allows.
    """
    claims = Claims(job, slots, stopping or threading.Event())
    remembers = memory is not None and job.run.cache and claims.any_server
    remembered = DiskMemory(memory, job.run.cache) if memory is not None and remembers else None
    opened = OpenDesk(job, claims, most, memory=remembered, index=index)
    try:
        yield opened
    finally:
        opened.close()


def _cap(job: Job, name: str) -> Cap:
    node = job.node(name)
    return Cap(node.limits.max_results if isinstance(node, ServerNode) else None)


def _places(job: Job, pool: NodePool, caps: dict[str, Cap], memory: Memory | None) -> Iterator[Place]:
    for name, cap in caps.items():
        source, node = pool.source(name), job.node(name)
        if memory is not None and isinstance(node, ServerNode):
            source = RememberingSource(source, label(node), memory)
        yield Place(name, source, cap)

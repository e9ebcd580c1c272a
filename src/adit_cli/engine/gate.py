"""Whether a study may begin now: by the windows of the nodes it passes, and by how many begin there an hour.

Only transfers are held to them. Looking up is not: a plan by day is what lets a run begin at night.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path

from adit_cli.engine.hold import HeldBy, Hold
from adit_cli.engine.shares import servers
from adit_cli.jobfile.job import Job
from adit_cli.jobfile.node import ServerNode, label
from adit_cli.jobfile.window import NEVER, Windows, together
from adit_cli.nodes.quota import Quota


@dataclass(frozen=True, slots=True)
class Keeper:
    """A node that studies pass, with its limits."""

    name: str
    windows: Windows = ()
    quota: Quota | None = None


class Gate:
    """What studies of each source have to pass: the source itself and all destinations."""

    def __init__(
        self,
        routes: Mapping[str, Sequence[Keeper]],
        *,
        waits: bool = False,
        clock: Callable[[], float] = time.time,
        zone: tzinfo | None = None,
    ) -> None:
        self.waits = waits
        """Whether a run waits where a window is closed, instead of stopping."""
        self.now = clock
        self._routes = routes
        self._zone = zone
        self._spans: dict[str, tuple[float, float, float]] = {}

    def holds(self) -> dict[str, Hold]:
        """Return the sources whose studies may not begin now."""
        found = ((source, self._hold(source)) for source in self._routes)
        return {source: hold for source, hold in found if hold is not None}

    def others(self, sources: Collection[str]) -> frozenset[str]:
        """Return the sources that are not among these."""
        return frozenset(self._routes) - frozenset(sources)

    def shut(self) -> dict[str, Hold]:
        """Return the sources that a closed window holds back."""
        return {source: hold for source, hold in self.holds().items() if hold.by is HeldBy.WINDOW}

    def first_shut(self) -> Hold | None:
        """Return the closed window that opens first."""
        return min(self.shut().values(), key=lambda hold: hold.until, default=None)

    def let_in(self, source: str) -> bool:
        """Count a study of the source as begun; False where other jobs have used up what there was."""
        now, counted = self.now(), list[Quota]()
        for quota in self._quotas(source):
            if not quota.take(now):
                for before in counted:
                    before.give_back()
                return False
            counted.append(quota)
        return True

    def closes_at(self, source: str) -> float:
        """Return when the first window that is open now closes for studies of the source."""
        return self._span(source, self.now())[1]

    def _hold(self, source: str) -> Hold | None:
        now = self.now()
        opens, _ = self._span(source, now)
        if opens > now:
            return Hold(self._closed(source, now), HeldBy.WINDOW, opens)
        waits = [(keeper.quota.ready_at(now), keeper.name) for keeper in self._routes[source] if keeper.quota]
        until, name = max(waits, default=(now, ""))
        return Hold(name, HeldBy.QUOTA, until) if until > now else None

    def _closed(self, source: str, now: float) -> str:
        """Return the node whose window opens last."""
        keepers = self._routes[source]
        return max(keepers, key=lambda keeper: together([keeper.windows], now, self._zone)[0]).name

    def _span(self, source: str, now: float) -> tuple[float, float]:
        """Return when all windows on the way are open, from now on; kept until that is past."""
        asked, opens, closes = self._spans.get(source, (NEVER, NEVER, NEVER))
        if not asked <= now < closes:
            every = [keeper.windows for keeper in self._routes.get(source, ())]
            opens, closes = together(every, now, self._zone)
            self._spans[source] = now, opens, closes
        return opens, closes

    def _quotas(self, source: str) -> list[Quota]:
        return [keeper.quota for keeper in self._routes.get(source, ()) if keeper.quota]


def open_gate() -> Gate:
    """Return a gate that holds nothing back."""
    return Gate({})


def gate_of(job: Job, slots: Path, clock: Callable[[], float], *, waits: bool) -> Gate:
    """Return the gate of a job; its nodes' quotas are the machine's, in this folder."""
    keepers = {name: _keeper(name, server, slots) for name, server in servers(job).items()}
    return Gate(
        {
            source: [keepers[name] for name in (source, *job.destinations) if name in keepers]
            for source in job.source
        },
        waits=waits,
        clock=clock,
    )


def _keeper(name: str, server: ServerNode, slots: Path) -> Keeper:
    limits = server.limits
    quota = Quota(slots, label(server), limits.studies_per_hour) if limits.studies_per_hour else None
    return Keeper(name, limits.window, quota)

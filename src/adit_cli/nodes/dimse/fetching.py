"""How studies are fetched from a server by DIMSE: by the first of the preferred services that it offers."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from adit_cli.errors import NodeError, Reason
from adit_cli.nodes.base import FailedInstance, OnArrival, RetrieveRequest
from adit_cli.nodes.dimse.line import Line
from adit_cli.nodes.dimse.pace import Pace
from adit_cli.nodes.dimse.retrieval import Retrieval
from adit_cli.nodes.retry import Tries

if TYPE_CHECKING:
    from adit_cli.jobfile.receiver import Order
    from adit_cli.nodes.dimse.standby import Standby

GET, MOVE = "c-get", "c-move"
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Means:
    """By what a user lets us fetch."""

    ways: Sequence[str] = (GET,)
    receiver: Order | None = None
    """What C-MOVE needs; without it, it is not used."""
    settle: float = 10
    """Seconds to wait for what a C-MOVE has promised and not brought."""


GET_ONLY = Means()


class Fetching:
    """Remembers which services a server does not offer, and the receiver that C-MOVE needs."""

    def __init__(
        self,
        lines: list[Line],
        pace: Pace,
        tries: Tries,
        means: Means,
    ) -> None:
        self._lines = lines
        self._pace = pace
        self._tries = tries
        offered = {GET, MOVE} if means.receiver is not None else {GET}
        self._ways = [way for way in means.ways if way in offered] or [GET]
        self._receiver = means.receiver
        self._settle = means.settle
        self._standby: Standby | None = None
        self.moving_pace = Pace(pace.limit)

    def fetch(self, request: RetrieveRequest, spool: Path, arrived: OnArrival) -> list[FailedInstance]:
        """Fetch by the first service that there is, and say once where that is not the preferred one."""
        while True:
            try:
                return self._fetch(request, spool, arrived)
            except NodeError as error:
                if len(self._ways) == 1 or error.reason is not Reason.NO_CONTEXT:
                    raise
                way, following = self._ways[:2]
                logger.warning("%s Going on with %s.", error.message, following.upper())
                self._ways.remove(way)

    def close(self) -> None:
        """Let a receiver that was started for us end."""
        if self._standby is not None:
            self._standby.close()
            self._standby = None

    def _fetch(self, request: RetrieveRequest, spool: Path, arrived: OnArrival) -> list[FailedInstance]:
        if self._receiver is None or self._ways[0] == GET:
            return Retrieval(self._lines, self._pace, self._tries, request).run(spool, arrived)
        return self._move(request, self._receiver, spool, arrived)

    def _move(
        self, request: RetrieveRequest, receiver: Order, spool: Path, arrived: OnArrival
    ) -> list[FailedInstance]:
        # What listens and starts processes is only loaded where it is needed.
        from adit_cli.nodes.dimse.moving import Moving  # noqa: PLC0415
        from adit_cli.nodes.dimse.standby import Standby  # noqa: PLC0415

        self._standby = self._standby or Standby(receiver)
        moving = Moving(self._lines, self.moving_pace, self._tries, self._standby, self._settle, request)
        return moving.run(spool, arrived)

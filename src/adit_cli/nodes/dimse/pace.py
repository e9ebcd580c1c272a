"""Whether several associations at once pay at a node: learnt from what was measured, pure arithmetic."""

from __future__ import annotations

SLOW = 0.004
"""Seconds of waiting for one instance from which on it is worth to wait for several at once."""
FAST_LINK = 300e6
"""Bytes a second that are no waiting."""
_LEAST_GAIN = 1.1
_WEIGHT = 0.5


class Pace:
    """One node's habit: seconds an instance takes with one association, and with several."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._alone: float | None = None
        self._together: float | None = None

    def wanted(self) -> int:
        """Return how many associations to use now."""
        if self._alone is None or self._alone < SLOW:
            return 1
        if self._together is not None and self._together * _LEAST_GAIN > self._alone:
            return 1
        return self.limit

    def expected(self, round_trip: float) -> int:
        """Return how many associations may pay for a study; at first, all where a node is far.

        An answer that came quickly does not prove that the images will, but for one study it is good enough:
        to ask for it in lists costs archives dearly, which look each instance up.
        """
        if self.is_known:
            return self.wanted()
        return 1 if round_trip < SLOW else self.limit

    @property
    def is_known(self) -> bool:
        """Whether anything was measured yet."""
        return self._alone is not None

    def note(self, associations: int, instances: int, size: int, seconds: float) -> None:
        """Note how long one association took for so much while that many were busy."""
        if not instances:
            return
        each = max(seconds - size / FAST_LINK, 0.0) / instances
        if associations == 1:
            self._alone = _mixed(self._alone, each)
        else:
            self._together = _mixed(self._together, each / associations)

    def refused(self, associations: int) -> None:
        """Note that the node does not take more than so many."""
        self.limit = max(1, min(self.limit, associations))


def _mixed(before: float | None, now: float) -> float:
    return now if before is None else before + _WEIGHT * (now - before)

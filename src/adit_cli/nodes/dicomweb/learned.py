"""What a server's answers have taught about its searches: how long its pages get, and what it counts."""

from __future__ import annotations

from collections.abc import Iterable

from adit_cli.dicom.query import Attributes, Level
from adit_cli.nodes.dicomweb.search import below

_MOST_COUNTS = 10_000
FEWEST_GIVEN = 10
"""Every server gives so many answers at once."""


class Learned:
    """The habits of one node, kept as long as it is open."""

    def __init__(self) -> None:
        self.takes_limit = True
        self.reads_escapes = True
        """Whether it takes `%20` in a query for a blank; where it doesn't, wildcards stand for it."""
        self.answers = False
        """Whether the service has ever answered, so that 404 is about what was asked."""
        self.counts: dict[str, int] = {}
        """How many answers a search will have, by its path, as the study or series above it says."""
        self.largest = dict.fromkeys(Level, 0)
        """By level, the longest page: a shorter one was not capped."""
        self._whole = dict.fromkeys(Level, 0)
        """By level, the longest page that an empty one after it proved to be the last."""
        self._silent: set[Level] = set()
        """Levels at which the server was asked for its counts and gave none."""

    def note_counts(self, level: Level, found: Iterable[Attributes], *, asked: bool = False) -> None:
        """Keep what studies or series say of how much is in them."""
        if len(self.counts) > _MOST_COUNTS:
            self.counts.clear()
        told = dict(pair for one in found for pair in below(one, level))
        self.counts |= told
        if asked and not told:
            self._silent.add(level)

    def counts_at(self, level: Level) -> bool:
        """Return whether it is worth asking for counts."""
        return level not in self._silent

    def note_page(self, level: Level, size: int) -> None:
        """Note how long a page was."""
        self.largest[level] = max(self.largest[level], size)

    def note_whole(self, level: Level, size: int) -> None:
        """Note that nothing came behind a page."""
        self._whole[level] = max(self._whole[level], size)

    def is_short(self, level: Level, size: int, most: int) -> bool:
        """Return whether a page is shorter than others of this server, or as few answers were all before.

        As many as before may be what it gives at most.
        """
        self.note_page(level, size)
        was_whole = size <= self._whole[level] and size < FEWEST_GIVEN
        return size < most and (size < self.largest[level] or was_whole)

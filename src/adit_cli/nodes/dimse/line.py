"""One association to a node that is kept while it is idle and healthy, and opened again when it is not."""

from __future__ import annotations

import math
from collections.abc import Sequence

from adit_cli.nodes.dimse.association import Association
from adit_cli.nodes.dimse.contexts import Context, get_roles, merged, numbered
from adit_cli.nodes.dimse.party import Party


class Line:
    """At most one open association. Used by one thread at a time."""

    def __init__(self, party: Party, *, helper: bool = False) -> None:
        self.party = party
        self.is_helper = helper
        self._assoc: Association | None = None
        self._contexts: list[Context] = []
        self._is_interrupted = False

    def ready(self, contexts: Sequence[Context]) -> Association:
        """Return an open association on which all these contexts were proposed."""
        assoc = self._assoc
        if assoc is not None and assoc.is_usable() and set(contexts) <= set(self._contexts):
            return assoc
        self.close()
        self._contexts = merged(contexts, self._contexts)
        assoc = Association.connect(self.party, numbered(self._contexts), get_roles(self._contexts))
        self._assoc = assoc
        if self._is_interrupted:
            assoc.interrupt()
        assoc.negotiate(suspect_tls=not self.is_helper and not self._is_interrupted)
        return assoc

    @property
    def round_trip(self) -> float:
        """Seconds in which the node answered when the association was opened; infinite where none is open."""
        return math.inf if self._assoc is None else self._assoc.round_trip

    def close(self) -> None:
        """Release the association, if one is open."""
        assoc, self._assoc = self._assoc, None
        if assoc is not None:
            assoc.release()

    def interrupt(self) -> None:
        """Break off what another thread does on this line, until `rearm`; that thread gets the error."""
        self._is_interrupted = True
        assoc = self._assoc
        if assoc is not None:
            assoc.interrupt()

    def rearm(self) -> None:
        """Let the line be used again after an interruption."""
        self._is_interrupted = False

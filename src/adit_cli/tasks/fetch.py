"""Fetch what is missing of a study, and ask again for what did not come, until it is clear that it won't."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from adit_cli.errors import NodeError
from adit_cli.nodes.base import Arrival, FailedInstance, InstanceRef, RetrieveRequest, Source
from adit_cli.tasks.ledger import Ledger

PATIENCE = 2
"""Single instances that may fail one after the other before the source counts as broken."""


@dataclass(slots=True)
class Fetch:
    """One attempt's dealings with the source."""

    source: Source
    study_uid: str
    ledger: Ledger
    folder: Path
    arrived: Callable[[Arrival], None]

    def run(self) -> NodeError | None:
        """Fetch all that is missing; return the error that keeps the study away, if there is one.

        A broken connection does not end it while every new one brings something: large studies come
        through bad lines that way. What then is left is asked for one by one, so that a single
        instance that breaks the connection does not keep the others away.
        """
        error, progress, whole = None, True, True
        while progress and (not self._is_all_here(error) or (whole and self.ledger.listing.short)):
            before = len(self.ledger.arrived)
            error = self._ask(self.ledger.missing, whole=whole)
            progress, whole = len(self.ledger.arrived) > before, False
        if error is not None and self.ledger.missing:
            error = self._one_by_one()
        return error if self._keeps_away(error) else None

    def _is_all_here(self, error: NodeError | None) -> bool:
        """Return whether nothing is missing; where nobody tells how much there is, an error may hide some."""
        return self.ledger.complete and (error is None or not self.ledger.listing.is_blind)

    def _keeps_away(self, error: NodeError | None) -> bool:
        """Return whether there is nothing to deliver yet: what did arrive is, if the rest never will."""
        if error is None or self._is_all_here(error):
            return False
        if error.transient or not self.ledger.arrived:
            return True
        self.ledger.note_failed([FailedInstance("", error.reason, error.message)])
        return False

    def _one_by_one(self) -> NodeError | None:
        """Ask for each missing instance alone; return the error if one follows another."""
        failures = 0
        for uid in self.ledger.missing:
            error = self._ask((uid,), whole=False)
            if error is None:
                failures = 0
                continue
            failures += 1
            self.ledger.note_failed([FailedInstance(uid, error.reason, error.message)])
            if failures == PATIENCE:
                return error
        return None

    def _ask(self, missing: Sequence[str], *, whole: bool) -> NodeError | None:
        refs = self._refs(missing)
        partial = len(refs) < len(self.ledger.listing.refs)
        request = RetrieveRequest(self.study_uid, self._series(refs, whole=whole), refs, partial=partial)
        try:
            self.ledger.note_failed(self.source.retrieve(request, self.folder, self.arrived))
        except NodeError as error:
            return error
        return None

    def _refs(self, missing: Sequence[str]) -> tuple[InstanceRef, ...]:
        """Return what to name to the source; nothing where its own list was too short."""
        if self.ledger.unlisted_missing:
            return ()
        wanted = frozenset(missing)
        return tuple(ref for ref in self.ledger.listing.refs if ref.uid in wanted)

    def _series(self, refs: Sequence[InstanceRef], *, whole: bool) -> tuple[str, ...]:
        """Return the series to name; none where the study is wanted whole."""
        if whole and not self.ledger.arrived:
            return self.ledger.listing.series_uids if self.ledger.listing.restricted else ()
        return tuple(dict.fromkeys(ref.series_uid for ref in refs)) or self.ledger.listing.series_uids

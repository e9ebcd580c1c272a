"""What has arrived of one study, and what its node said of the rest.

The peer's word is never proof. What counts is which files arrived; its counters and lists only explain
what did not.
"""

from __future__ import annotations

from collections.abc import Sequence

from adit_cli.counting import count
from adit_cli.errors import NodeError, Reason
from adit_cli.nodes.base import FailedInstance, InstanceRef, RetrieveRequest
from adit_cli.nodes.dimse.association import Association
from adit_cli.nodes.dimse.messages import CANCEL, SUCCESS
from adit_cli.nodes.dimse.party import Party
from adit_cli.nodes.dimse.reasons import status_words
from adit_cli.nodes.dimse.scu import SubOperations, failure
from adit_cli.nodes.dimse.units import Unit

SOME_FAILED = 0xB000


class Account:
    """Kept over all requests for one study."""

    def __init__(self, request: RetrieveRequest) -> None:
        self.arrived: set[str] = set()
        self.refusal: NodeError | None = None
        """What a node said that sent nothing at all."""
        self._listed = request.instances
        self._words: dict[str, str] = {}
        self._last: SubOperations | None = None
        self._refused: list[FailedInstance] = []
        self._hint = ""

    @property
    def missing(self) -> list[InstanceRef]:
        """What was listed and has not arrived."""
        return [one for one in self._listed if one.uid not in self.arrived]

    def note(
        self,
        assoc: Association,
        service: str,
        unit: Unit,
        told: SubOperations,
        *,
        came: bool,
        hint: str = "",
    ) -> None:
        """Remember what the node said of a request; TransientNodeError where it was only too busy."""
        self._last = told
        self._hint = hint and f" {hint}"
        words = status_words(told.status) if told.status != SUCCESS else "it said Success"
        for one in unit.instances:
            self._words[one.uid] = words
        self._words |= dict.fromkeys(told.failed_uids, f"{words}, and named it as failed")
        if told.status in {SUCCESS, SOME_FAILED, CANCEL} or came:
            return
        error = failure(assoc, service, told.status)
        error.hint = hint
        self.refusal = error
        if error.transient:
            raise error

    def note_refused(self, refused: Sequence[FailedInstance]) -> None:
        """Remember what came and could not be kept."""
        self._refused += refused

    def result(self, party: Party) -> list[FailedInstance]:
        """Return what did not come, and why; NodeError where the node refused and nothing came."""
        if not self.arrived and self.refusal is not None:
            raise self.refusal
        return [self._explained(one, party) for one in self.missing] or self._untold()

    def _explained(self, missing: InstanceRef, party: Party) -> FailedInstance:
        words = self._words.get(missing.uid, "the node did not mention it")
        said = f"{party} did not send it: {words}.{self._unless_arrived()}"
        return FailedInstance(missing.uid, Reason.INCOMPLETE, said)

    def _unless_arrived(self) -> str:
        """Return what to look at where nothing came: C-MOVE goes nowhere, unheard, behind a firewall."""
        return "" if self.arrived else self._hint

    def _untold(self) -> list[FailedInstance]:
        """Return what the node itself said that failed, where nothing was listed to compare with."""
        told = self._last
        if self._listed or told is None:
            return self._refused
        named = [
            FailedInstance(
                uid, Reason.INCOMPLETE, f"The node named it as failed ({status_words(told.status)})."
            )
            for uid in told.failed_uids
            if uid not in self.arrived
        ]
        missing = max((told.failed or 0), (told.completed or 0) + (told.warning or 0) - len(self.arrived))
        if not named and (missing > 0 or not self.arrived):
            said = count(missing, "instance") if missing > 0 else "and no instance"
            ended = f"The node ended with {status_words(told.status)}, {said} missing, unnamed."
            words = f"{ended}{self._unless_arrived()}"
            named = [FailedInstance("", Reason.INCOMPLETE, words)]
        return self._refused + named

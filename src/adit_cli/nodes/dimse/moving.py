"""One study on its way from a node by C-MOVE (PS3.4 §C.4.2) through this machine's receiver.

The association says little of what arrives: some archives answer before they send, some count wrongly, some
name failures that did arrive. So the inbox is watched, and only what did not land there is asked for again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from pathlib import Path

from adit_cli.dicom.attributes import encode_attributes
from adit_cli.errors import DiskFullError, NodeError, ReceiverError, TransientNodeError
from adit_cli.nodes.base import FailedInstance, OnArrival, RetrieveRequest
from adit_cli.nodes.dimse.account import SOME_FAILED, Account
from adit_cli.nodes.dimse.association import Association
from adit_cli.nodes.dimse.contexts import STUDY_MOVE, find_contexts, merged, move_contexts
from adit_cli.nodes.dimse.filing import OUT_OF_RESOURCES
from adit_cli.nodes.dimse.landed import Landed
from adit_cli.nodes.dimse.line import Line
from adit_cli.nodes.dimse.messages import SUCCESS
from adit_cli.nodes.dimse.scu import SubOperations, c_move, needed_context
from adit_cli.nodes.dimse.standby import Standby
from adit_cli.nodes.dimse.units import Unit, listed_units, single_units, whole_units
from adit_cli.nodes.inbox import Refused
from adit_cli.nodes.retry import Tries, retried

MOST_IN_VAIN = 5
DESTINATION_UNKNOWN = 0xA801
_PAUSE = 0.02
logger = logging.getLogger(__name__)


class Moving:
    """What is wanted of one study, and what has landed of it."""

    def __init__(
        self, line: Line, tries: Tries, standby: Standby, settle: float, request: RetrieveRequest
    ) -> None:
        self._line = line
        self._tries = tries
        self._standby = standby
        self._settle = settle
        self._request = request
        self._account = Account(request)

    def run(self, spool: Path, on_arrival: OnArrival) -> list[FailedInstance]:
        """Have all of it moved here; return what did not come and why."""
        self._served = self._standby.ready()
        party, inbox = self._line.party, self._standby.inbox
        began = time.time()
        with inbox.expecting(self._request.study_uid, f"{party.called}@{party.host}") as landing:
            self._landed = Landed(landing, spool, self._account.arrived, on_arrival)
            self._ask(self._units(spool))
            self._ask_again()
        if self._account.missing or not self._account.arrived:
            _tell_refused(inbox.refused_since(began))
        return self._account.result(party)

    def _units(self, spool: Path) -> list[Unit]:
        request = self._request
        if request.instances and (request.partial or any(spool.glob("*.dcm"))):
            return listed_units(request.study_uid, request.instances)
        return whole_units(request)

    def _ask(self, units: Iterable[Unit]) -> bool:
        """Ask for some; return whether anything came."""
        before = len(self._account.arrived)
        for unit in units:
            self._move(unit)
        return len(self._account.arrived) > before

    def _ask_again(self) -> None:
        """Ask for what is missing, in lists as long as those bring something, then one by one."""
        study_uid, account = self._request.study_uid, self._account
        while account.arrived and account.missing and self._ask(listed_units(study_uid, account.missing)):
            pass
        in_vain = 0
        for unit in single_units(study_uid, account.missing):
            in_vain = 0 if self._ask([unit]) else in_vain + 1
            if in_vain >= MOST_IN_VAIN:
                return

    def _move(self, unit: Unit) -> None:
        """Have one unit moved; as long as something comes, an association that ends is opened again."""
        while True:
            before = len(self._account.arrived)
            try:
                return retried(lambda: self._move_rest(unit), self._tries)
            except TransientNodeError:
                if len(self._account.arrived) == before:
                    raise

    def _move_rest(self, unit: Unit) -> None:
        for part in unit.remaining(self._account.arrived):
            assoc = self._line.ready(merged(find_contexts(), move_contexts()))
            transfer_syntax = assoc.accepted[needed_context(assoc, STUDY_MOVE, "C-MOVE")][1]
            identifier = encode_attributes(part.identifier(), transfer_syntax)
            before = len(self._account.arrived)
            try:
                told = c_move(assoc, STUDY_MOVE, identifier, self._served.ae_title, self._landed.take)
            except NodeError:
                self._landed.take()
                raise
            self._wait_for_stragglers(part, told, before)
            came = len(self._account.arrived) > before
            if told.status == DESTINATION_UNKNOWN and not came:
                raise self._unknown(assoc)
            self._account.note(assoc, "C-MOVE", part, told, came=came, hint=self._registered(assoc))

    def _wait_for_stragglers(self, unit: Unit, told: SubOperations, before: int) -> None:
        """Wait until all is here that the answer promises, or nothing has come for the node's settle time."""
        since = time.monotonic()
        while not self._is_settled(unit, told, before) and time.monotonic() - since < self._settle:
            if self._landed.take():
                since = time.monotonic()
            else:
                time.sleep(_PAUSE)

    def _is_settled(self, unit: Unit, told: SubOperations, before: int) -> bool:
        """Return whether nothing more is due; a count is believed where it is also ours."""
        self._landed.take()
        came = len(self._account.arrived) - before
        if unit.instances:
            missing = sum(one.uid not in self._account.arrived for one in unit.instances)
            return not missing or _is_refusal(told, came) or (came > 0 and told.failed == missing)
        promised = (told.completed or 0) + (told.warning or 0)
        return _is_refusal(told, came) or 0 < promised <= came

    def _unknown(self, assoc: Association) -> ReceiverError:
        return ReceiverError(
            f"{assoc.party} does not know our receiver: C-MOVE destination {self._served.ae_title} (0xA801).",
            hint=self._registered(assoc),
        )

    def _registered(self, assoc: Association) -> str:
        """Return what must hold at the node: some say nothing of it where it does not."""
        ae_title, port = self._served.ae_title, self._served.port
        return f"See that AE title {ae_title} is registered there, at {assoc.own_address()} port {port}."


def _tell_refused(refused: Iterable[Refused]) -> None:
    """Say what our receiver did not take meanwhile; DiskFullError where it had no room."""
    for one in refused:
        if one.status == OUT_OF_RESOURCES:
            raise DiskFullError(f"Our receiver refused {one.text}", hint="free some space and run again")
        logger.warning("Our receiver refused %s", one.text)


def _is_refusal(told: SubOperations, came: int) -> bool:
    """Return whether the node says itself that it did nothing, and nothing came."""
    promised = (told.completed or 0) + (told.warning or 0)
    return told.status not in {SUCCESS, SOME_FAILED} and not promised and not came

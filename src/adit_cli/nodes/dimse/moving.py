"""One study on its way from a node by C-MOVE (PS3.4 §C.4.2) through this machine's receiver.

The association says little of what arrives: some archives answer before they send, some count wrongly, some
name failures that did arrive. So the inbox is watched, and only what did not land there is asked for again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from adit_cli.dicom.attributes import encode_attributes
from adit_cli.errors import DiskFullError, NodeError, ReceiverError
from adit_cli.nodes.base import FailedInstance, InstanceRef, OnArrival, RetrieveRequest
from adit_cli.nodes.dimse.account import SOME_FAILED, Account
from adit_cli.nodes.dimse.association import Association
from adit_cli.nodes.dimse.contexts import STUDY_MOVE, find_contexts, merged, move_contexts
from adit_cli.nodes.dimse.crew import Crew
from adit_cli.nodes.dimse.filing import OUT_OF_RESOURCES
from adit_cli.nodes.dimse.landed import Landed
from adit_cli.nodes.dimse.line import Line
from adit_cli.nodes.dimse.messages import SUCCESS
from adit_cli.nodes.dimse.pace import Pace
from adit_cli.nodes.dimse.scu import SubOperations, c_move, needed_context
from adit_cli.nodes.dimse.standby import Standby
from adit_cli.nodes.dimse.units import PROBE, Unit, listed_units, shared_units, single_units, whole_units
from adit_cli.nodes.inbox import Refused
from adit_cli.nodes.retry import Tries, retried_while_it_helps

MOST_IN_VAIN = 5
WORTH_A_REQUEST = 32
"""A request costs the archive an association to us, which is worth that many instances."""
DESTINATION_UNKNOWN = 0xA801
_PAUSE = 0.02
logger = logging.getLogger(__name__)


class Moving:
    """What is wanted of one study, and what has landed of it."""

    def __init__(
        self,
        lines: list[Line],
        pace: Pace,
        tries: Tries,
        standby: Standby,
        settle: float,
        request: RetrieveRequest,
    ) -> None:
        self._lines = lines
        self._pace = pace
        self._tries = tries
        self._standby = standby
        self._settle = settle
        self._request = request
        self._account = Account(request)

    def run(self, spool: Path, on_arrival: OnArrival) -> list[FailedInstance]:
        """Have all of it moved here; return what did not come and why."""
        self._served = self._standby.ready()
        party, inbox = self._lines[0].party, self._standby.inbox
        began = time.time()
        with inbox.expecting(self._request.study_uid, f"{party.called}@{party.host}") as landing:
            self._landed = Landed(landing, spool, self._account.arrived, on_arrival)
            self._ask_first(spool)
            self._ask_again()
        if self._account.missing or not self._account.arrived:
            _tell_refused(inbox.refused_since(began))
        return self._account.result(party)

    def _ask_first(self, spool: Path) -> None:
        """Ask for all; by lists of instances only what is there in part, or what associations can share.

        A few go first: not every archive moves by instances, and what they take tells whether sharing pays.
        """
        request, listed = self._request, self._request.instances
        if listed and (request.partial or any(spool.glob("*.dcm"))):
            self._ask(listed_units(request.study_uid, listed))
        elif self._pace.expected(self._lines[0].round_trip) == 1 or len(listed) <= 2 * PROBE:
            self._ask(whole_units(request))
        else:
            self._share(listed)

    def _share(self, listed: tuple[InstanceRef, ...]) -> None:
        study_uid = self._request.study_uid
        if not self._ask(listed_units(study_uid, listed, PROBE)[:1]):
            self._ask(whole_units(self._request))
            return
        units = shared_units(study_uid, self._account.missing, self._pace.wanted(), WORTH_A_REQUEST)
        Crew(self._lines, self._pace, _open, self._move).run(units)

    def _ask(self, units: Iterable[Unit]) -> bool:
        """Ask for some on one association; return whether anything came."""
        before = len(self._account.arrived)
        for unit in units:
            self._move(self._lines[0], unit, 1)
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

    def _move(self, line: Line, unit: Unit, associations: int) -> None:
        """Have one unit moved; as long as something comes, an association that ends is opened again."""
        retried_while_it_helps(
            lambda: self._move_rest(line, unit, associations), self._tries, lambda: self._come_of(unit)
        )

    def _move_rest(self, line: Line, unit: Unit, associations: int) -> None:
        for part in unit.remaining(self._account.arrived):
            assoc = _open(line)
            transfer_syntax = assoc.accepted[needed_context(assoc, STUDY_MOVE, "C-MOVE")][1]
            identifier = encode_attributes(part.identifier(), transfer_syntax)
            self._served = self._standby.ready()  # another one, where it died
            before, started = self._come_of(part), time.monotonic()
            try:
                told = c_move(assoc, STUDY_MOVE, identifier, self._served.ae_title, self._taker(part))
            except NodeError:
                self._landed.take()
                raise
            self._wait_for_stragglers(part, told, before)
            came = self._come_of(part) - before
            self._pace.note(associations, came, 0, time.monotonic() - started)
            if told.status == DESTINATION_UNKNOWN and not came:
                raise self._unknown(assoc)
            self._account.note(assoc, "C-MOVE", part, told, came=came > 0, hint=self._registered(assoc))

    def _come_of(self, unit: Unit) -> int:
        """Return how much has come of a unit: by name where others come meanwhile, else whatever came."""
        arrived = self._account.arrived
        return sum(one.uid in arrived for one in unit.instances) if unit.by_instance else len(arrived)

    def _taker(self, unit: Unit) -> Callable[[], bool]:
        """Return what takes what has landed and says whether more of a unit has come since it last did."""
        seen = self._come_of(unit)

        def take() -> bool:
            nonlocal seen
            self._landed.take()
            before, seen = seen, self._come_of(unit)
            return seen > before

        return take

    def _wait_for_stragglers(self, unit: Unit, told: SubOperations, before: int) -> None:
        """Wait until all is here that the answer promises, or nothing has come for the node's settle time."""
        since, take = time.monotonic(), self._taker(unit)
        while not self._is_settled(unit, told, before) and time.monotonic() - since < self._settle:
            if take():
                since = time.monotonic()
            else:
                time.sleep(_PAUSE)

    def _is_settled(self, unit: Unit, told: SubOperations, before: int) -> bool:
        """Return whether nothing more is due; a count is believed where it is also ours."""
        self._landed.take()
        came = self._come_of(unit) - before
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
        where = f"at {assoc.own_address()} port {port}, and that no firewall is in between"
        return f"See that AE title {ae_title} is registered there, {where}."


def _open(line: Line) -> Association:
    return line.ready(merged(find_contexts(), move_contexts()))


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

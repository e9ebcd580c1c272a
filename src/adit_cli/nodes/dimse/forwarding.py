"""Have a node send a study to another one itself (PS3.4 §C.4.2); nothing of it comes through here."""

from __future__ import annotations

from adit_cli.dicom.attributes import encode_attributes
from adit_cli.errors import NodeError, Reason
from adit_cli.nodes.base import FailedInstance, Forwarded, RetrieveRequest
from adit_cli.nodes.dimse.account import SOME_FAILED
from adit_cli.nodes.dimse.contexts import STUDY_MOVE, find_contexts, merged, move_contexts
from adit_cli.nodes.dimse.line import Line
from adit_cli.nodes.dimse.messages import SUCCESS
from adit_cli.nodes.dimse.party import Party
from adit_cli.nodes.dimse.reasons import status_words
from adit_cli.nodes.dimse.scu import SubOperations, c_move, failure, needed_context
from adit_cli.nodes.dimse.units import Unit, listed_units, whole_units
from adit_cli.nodes.retry import Tries, retried

DESTINATION_UNKNOWN = 0xA801


def forward(line: Line, tries: Tries, request: RetrieveRequest, ae_title: str) -> Forwarded:
    """Return what the node says that it sent, and what not; NodeError where it sent nothing at all."""
    units = listed_units(request.study_uid, request.instances) if request.partial else whole_units(request)
    results = [retried(lambda unit=unit: _forward(line, unit, ae_title), tries) for unit in units]
    sent = [one.sent for one in results if one.sent is not None]
    failed = [failure for one in results for failure in one.failed]
    return Forwarded(sum(sent) if len(sent) == len(results) else None, tuple(failed))


def _forward(line: Line, unit: Unit, ae_title: str) -> Forwarded:
    assoc = line.ready(merged(find_contexts(), move_contexts()))
    transfer_syntax = assoc.accepted[needed_context(assoc, STUDY_MOVE, "C-MOVE")][1]
    told = c_move(assoc, STUDY_MOVE, encode_attributes(unit.identifier(), transfer_syntax), ae_title)
    if told.status == DESTINATION_UNKNOWN:
        raise unknown_destination(line.party, ae_title)
    sent = None if told.completed is None else told.completed + (told.warning or 0)
    if told.status not in {SUCCESS, SOME_FAILED} and not sent:
        error = failure(assoc, f"C-MOVE to {ae_title}", told.status)
        error.hint = f"See that {ae_title} is registered there, runs and lets {line.party.called} in."
        raise error
    return Forwarded(sent, tuple(_failed(line.party, told)))


def unknown_destination(party: Party, ae_title: str) -> NodeError:
    """Return the error for a move destination that a node does not know."""
    return NodeError(
        f"{party} does not know C-MOVE destination {ae_title} (0xA801).",
        hint=f"Have {ae_title} registered there with its address and port, or check how it is spelled.",
    )


def _failed(party: Party, told: SubOperations) -> list[FailedInstance]:
    words = f"{party} could not send it ({status_words(told.status)})."
    named = [FailedInstance(uid, Reason.INCOMPLETE, words) for uid in told.failed_uids]
    unnamed = (told.failed or 0) - len(named)
    if unnamed > 0:
        words = f"{party} could not send {unnamed} that it did not name ({status_words(told.status)})."
        named.append(FailedInstance("", Reason.INCOMPLETE, words))
    return named

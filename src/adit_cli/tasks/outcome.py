"""Say how an attempt ended. A pure function of the account; nobody else decides on a status."""

from __future__ import annotations

from dataclasses import dataclass, field

from adit_cli.counting import count, first_of
from adit_cli.errors import AditError, Reason
from adit_cli.nodes.base import FailedInstance
from adit_cli.tasks.availability import Away
from adit_cli.tasks.ledger import Ledger
from adit_cli.tasks.task import Outcome, TaskStatus

NAMED = 20
"""Instances that the notes name; what is more is counted."""
_GRAVEST_FIRST = (
    Reason.LEAK,
    Reason.MISMATCH,
    Reason.INCOMPLETE,
    Reason.NO_CONTEXT,
    Reason.REJECTED,
    Reason.DEID_BLOCKED,
)
_HINTS = {
    Reason.LEAK: "something of the patient was left in, so it stays here; see the notes and `adit deid`",
    Reason.MISMATCH: "compare the instances named in the notes; nothing was written over",
    Reason.INCOMPLETE: "ask the source's administrator for the instances named, then use `--retry warning`",
    Reason.NO_CONTEXT: "the destination does not take this kind of object, or not in this transfer syntax",
    Reason.REJECTED: "see in the notes what the destination said",
    Reason.OFFLINE: "ask the archive's administrator to bring the study back; run the job again after that",
    Reason.DEID_BLOCKED: "see deidentify.modalities and burned_in if these should leave",
}


@dataclass(slots=True)
class Ending:
    """What an attempt came to."""

    ledger: Ledger
    refused: dict[str, FailedInstance] = field(default_factory=dict[str, FailedInstance])
    error: AditError | None = None
    """What broke the attempt off, at the source or at a destination."""
    notes: list[str] = field(default_factory=list[str])
    skipped: set[str] = field(default_factory=set[str])
    """Instances that are not for every destination: counted as not delivered, and nothing to worry about."""
    reserves: dict[str, Reason] = field(default_factory=dict[str, Reason])
    """What destinations said of instances that they took."""
    taken: int = 0
    """Instances that every destination said to hold, before or although something broke off."""
    away: Away | None = None
    """Where the source says that a study is which did not come whole."""
    seconds: float = 0.0


def outcome_of(ending: Ending) -> Outcome:
    """Return the outcome: success, or what needs a person's eye, or a failure that may pass."""
    ledger = ending.ledger
    delivered = len(ledger.ready) - len(ending.refused) - len(ending.skipped)
    delivered = ending.taken if ending.error else delivered
    rejected = len(ledger.arrived) - len(ledger.withheld) - delivered
    status, reason, message, hint = _verdict(ending, delivered)
    return Outcome(
        status,
        reason,
        message,
        hint,
        transient=_may_pass(ending),
        expected=ledger.expected,
        received=len(ledger.arrived),
        delivered=delivered,
        withheld=len(ledger.withheld),
        rejected=rejected,
        size=ledger.size,
        seconds=ending.seconds,
        missing=ledger.missing,
        notes=tuple(_notes(ending)),
    )


def _may_pass(ending: Ending) -> bool:
    """Return whether another attempt may do better; what has been asked for may be brought back meanwhile."""
    if ending.away is not None:
        return ending.away is not Away.UNAVAILABLE
    return ending.error is not None and ending.error.transient


def _verdict(ending: Ending, delivered: int) -> tuple[TaskStatus, Reason | None, str, str]:
    if ending.away is not None:
        status = TaskStatus.WARNING if delivered and not ending.error else TaskStatus.FAILURE
        said = ending.error.message.rstrip(".") if ending.error else _sentence(ending)
        return status, Reason.OFFLINE, f"{said}: the study is {ending.away.words}", _HINTS[Reason.OFFLINE]
    if ending.error is not None:
        error = ending.error
        return TaskStatus.FAILURE, error.reason, error.message, error.hint
    reasons = _reasons(ending)
    if not reasons and not delivered:
        hint = "check the study and the series rules; there is nothing to move"
        return TaskStatus.FAILURE, Reason.NOT_FOUND, "the source has no instances of the study", hint
    if not reasons:
        return TaskStatus.SUCCESS, None, "", ""
    reason = next(one for one in _GRAVEST_FIRST if one in reasons)
    status = TaskStatus.WARNING if delivered else TaskStatus.FAILURE
    return status, reason, _sentence(ending), _HINTS[reason]


def _reasons(ending: Ending) -> set[Reason]:
    ledger = ending.ledger
    reasons = {failure.reason for failure in (*ledger.withheld.values(), *ending.refused.values())}
    reasons |= {_of_missing(ledger.failed.get(uid)) for uid in ledger.missing}
    reasons |= set(ending.reserves.values())
    if ledger.unlisted_missing or _unnamed_failed(ledger):
        reasons.add(Reason.INCOMPLETE)
    if ledger.differing:
        reasons.add(Reason.MISMATCH)
    return {reason if reason in _GRAVEST_FIRST else Reason.REJECTED for reason in reasons}


def _unnamed_failed(ledger: Ledger) -> bool:
    """Return whether the source told of failures without a UID, and there is no list to tell whose."""
    return "" in ledger.failed and (ledger.listing.is_blind or not ledger.listed)


def _of_missing(failure: FailedInstance | None) -> Reason:
    """Return the reason for one that did not come: only a contradiction says more."""
    return Reason.MISMATCH if failure and failure.reason is Reason.MISMATCH else Reason.INCOMPLETE


def _sentence(ending: Ending) -> str:
    ledger = ending.ledger
    counts = (
        (len(ledger.missing) + ledger.unlisted_missing, "did not arrive"),
        (len(ledger.withheld), "may not leave"),
        (len(ending.refused), "not taken by every destination"),
        (len(ledger.differing), "arrived twice with other content"),
    )
    parts = [f"{number} {what}" for number, what in counts if number]
    if ending.reserves and not parts:
        return next(iter(ending.reserves))
    if not parts and _unnamed_failed(ledger):
        return ledger.failed[""].message
    return f"of {count(ledger.expected, 'instance')} {', '.join(parts)}"


def _notes(ending: Ending) -> list[str]:
    ledger = ending.ledger
    told = [*ledger.withheld.values(), *ending.refused.values()]
    named = [f"instance {one.uid}: {one.message}" for one in told]
    named += [
        f"instance {uid}: {ledger.failed[uid].message if uid in ledger.failed else 'it did not arrive'}"
        for uid in ledger.missing
    ]
    named += [ledger.failed[""].message] if _unnamed_failed(ledger) else []
    named += [
        f"instance {uid}: it arrived twice with other content; the first was taken"
        for uid in ledger.differing
    ]
    if ledger.strays:
        named.append(f"dropped: {count(ledger.strays, 'file')} of another study or series")
    told_of = [said for said in ending.reserves if said not in ending.notes]
    if ending.error and ending.taken:
        named.append(f"{ending.taken} of {count(ledger.expected, 'instance')} are at the destination already")
    return [*ending.notes, *told_of, *first_of(named, NAMED)]

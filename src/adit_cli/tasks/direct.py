"""Carry out one task of a job that says `direct`: the source sends to the destination itself."""

from __future__ import annotations

import logging
import time
from dataclasses import replace

from adit_cli.counting import count, first_of
from adit_cli.errors import NodeError, Reason
from adit_cli.jobfile.node import DimsePeer, ServerNode
from adit_cli.nodes.base import Nodes
from adit_cli.tasks.arrivals import Report
from adit_cli.tasks.forwarding import Sent, Target, forward
from adit_cli.tasks.listing import Listing
from adit_cli.tasks.task import Outcome, Progress, TaskStatus, TransferTask
from adit_cli.tasks.transfer import listing_of
from adit_cli.tasks.work import Work

NAMED = 20
"""Instances that the notes name; what is more is counted."""
logger = logging.getLogger(__name__)


def send_directly(task: TransferTask, work: Work, pool: Nodes, report: Report) -> Outcome:
    """Return how one attempt ended; AditError where it could not even begin."""
    started = time.monotonic()
    source, (destination,) = pool.source(task.source), task.destinations
    listing = listing_of(task, work, source)
    if not listing.refs:
        raise _unlisted(listing)

    def tell(there: int) -> None:
        report(Progress(task.key, "sending directly", len(listing.refs), there, there))

    tell(0)
    target = Target(_ae_title(work, destination), pool.source(destination))
    sent = forward(source, task.study_uid, listing, target, tell)
    outcome = _outcome(sent, listing, time.monotonic() - started)
    logger.info("task %s, study %s: %s", task.key, task.study_uid, outcome.status)
    return outcome


def _ae_title(work: Work, destination: str) -> str:
    match work.job.node(destination):
        case ServerNode(dimse=DimsePeer() as peer):
            return peer.ae_title
        case _:
            raise NodeError(f"{destination} has no AE title that a source could send to")


def _unlisted(listing: Listing) -> NodeError:
    if not listing.series_uids:
        return NodeError("the source has no instances of the study", reason=Reason.NOT_FOUND)
    return NodeError(
        "the source does not list instances, so nobody could confirm that they came",
        hint="leave out `direct`: then the files come through here and are counted",
    )


def _outcome(sent: Sent, listing: Listing, seconds: float) -> Outcome:
    unlisted = sum(listing.short.values()) > 0
    there = sent.there or 0
    missing = tuple(failure.uid for failure in sent.missing)
    done = Outcome(
        TaskStatus.SUCCESS,
        expected=sent.listed,
        received=there,
        delivered=there,
        seconds=seconds,
        missing=missing,
    )
    if not missing and not unlisted:
        return done
    notes = first_of([f"instance {one.uid}: {one.message}" for one in sent.missing], NAMED)
    notes += ["the source counts more instances than it lists"] if unlisted else []
    return replace(
        done,
        status=TaskStatus.WARNING if there else TaskStatus.FAILURE,
        reason=Reason.INCOMPLETE,
        message=f"of {count(sent.listed, 'instance')} {len(missing)} did not get to the destination",
        hint="ask the source's administrator for the instances named, then use `--retry warning`",
        notes=tuple(notes),
    )

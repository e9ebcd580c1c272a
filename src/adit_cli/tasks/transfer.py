"""Carry out one task: list, fetch, de-identify and deliver one study, all overlapping, and account for it.

Retrieval runs in the caller's thread, preparation in a second, each destination in one of its own.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

from adit_cli.errors import AditError, NodeError, Reason
from adit_cli.nodes.base import Nodes, Source
from adit_cli.nodes.storage import storage_errors
from adit_cli.tasks.arrivals import Arrivals, Report
from adit_cli.tasks.availability import where_is
from adit_cli.tasks.evidence import notes_of
from adit_cli.tasks.fetch import Fetch
from adit_cli.tasks.ledger import Ledger, rejections, reserves, skipped, taken
from adit_cli.tasks.listing import Listing, list_instances
from adit_cli.tasks.outcome import Ending, outcome_of
from adit_cli.tasks.pipeline import Pipeline, Stopped
from adit_cli.tasks.prepare import Preparation
from adit_cli.tasks.series import BLOCKED
from adit_cli.tasks.spool import TaskSpool, remove_spool
from adit_cli.tasks.task import Outcome, TransferTask
from adit_cli.tasks.work import Work

__all__ = ["Work", "remove_spool", "transfer"]

logger = logging.getLogger(__name__)


def transfer(task: TransferTask, work: Work, pool: Nodes, report: Report) -> Outcome:
    """Return how one attempt at a task ended; AditError where it could not even begin.

    The spool is kept when another attempt may help, so that it fetches only what is missing.
    """
    started = time.monotonic()
    spool = TaskSpool(work.spool, task.key)
    try:
        ending = _attempt(task, work, pool, report, spool)
    except AditError as error:
        if not error.transient:
            spool.remove()
        raise
    ending.seconds = time.monotonic() - started
    outcome = outcome_of(ending)
    if not outcome.transient:
        spool.remove()
    logger.info("task %s, study %s: %s", task.key, task.study_uid, outcome.status)
    return outcome


def _attempt(task: TransferTask, work: Work, pool: Nodes, report: Report, spool: TaskSpool) -> Ending:
    source = pool.source(task.source)
    ledger = Ledger(listing_of(task, work, source))
    destinations = {name: pool.destination(name) for name in task.destinations}
    with storage_errors("the spool folder"):
        spool.open()
    with (
        notes_of(task.key, work.evidence) as evidence,
        Pipeline(
            Preparation(spool, work.profile, task.pseudonym or "", evidence), ledger, destinations, task.key
        ) as pipeline,
    ):
        arrivals = Arrivals(task, ledger, spool, pipeline, report)
        fetch = Fetch(source, task.study_uid, ledger, spool.arriving, arrivals.take)
        failed = _fetch(fetch, arrivals)
        error = pipeline.finish(deliver=failed is None)
        arrivals.tell_now("deliver")
    answers = pipeline.answers if pipeline.finished else {}
    refused = rejections(ledger, answers) if pipeline.finished else {}
    notes = [*arrivals.notes, *pipeline.notes, *kept_back(ledger.listing)]
    ending = Ending(ledger, refused, failed or error, notes)
    if not (ledger.complete and ledger.arrived):
        ending.away = where_is(source, task.study_uid)
    ending.skipped = skipped(ledger, answers) - refused.keys()
    ending.reserves = reserves(answers)
    ending.taken = taken(ledger, pipeline.told)
    return ending


def listing_of(task: TransferTask, work: Work, source: Source) -> Listing:
    """Return what the source has of the series that a task takes."""
    choice = work.series.choose(source, task.study_uid, task.series_uids)
    restricted = bool(choice.left_out or task.series_uids)
    return list_instances(source, task.study_uid, choice, restricted=restricted)


def kept_back(listing: Listing) -> Iterator[str]:
    """Name the series that do not leave for what they are; those that the job did not want are no news."""
    for series in listing.left_out:
        if series.rule.startswith(BLOCKED):
            yield f"series {series.series_uid} does not leave ({Reason.DEID_BLOCKED}, {series.rule})"


def _fetch(fetch: Fetch, arrivals: Arrivals) -> NodeError | None:
    try:
        arrivals.resume()
        return fetch.run()
    except Stopped:
        return None

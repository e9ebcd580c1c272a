"""Have a source send a study straight to another server, and look there whether it came.

Nothing passes through this machine, so nothing can be changed or counted here: what the other server lists
afterwards is the only proof.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from adit_cli.dicom.query import Level
from adit_cli.errors import NodeError, Reason
from adit_cli.nodes.base import FailedInstance, Forwarded, Forwarding, InstanceRef, RetrieveRequest, Source
from adit_cli.tasks.listing import Listing

LOOK_EVERY = 0.5
PATIENCE = 10.0
"""Seconds for which the other server may go on without showing anything new."""
NOT_THERE = "the other server does not list it"


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one study."""

    listed: int
    sent: int | None
    """How many the source says that it sent; None where it does not count."""
    there: int | None
    """How many the other server lists; None where it was not asked."""
    missing: tuple[FailedInstance, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether all that was listed is there, as far as anybody looked."""
        return self.listed > 0 and not self.missing


@dataclass(frozen=True, slots=True)
class Target:
    """Where a study is sent: an AE title that the source knows, and the server itself if we can ask it."""

    ae_title: str
    server: Source | None = None
    patience: float = PATIENCE


def forward(
    source: Source, study_uid: str, listing: Listing, target: Target, tell: Callable[[int], None]
) -> Sent:
    """Send what is not there yet; `tell` is given the number of instances that are."""
    if not isinstance(source, Forwarding):
        raise NodeError("the source cannot send to others: that takes a DICOM server with C-MOVE")
    absent = _absent(study_uid, listing.refs, target)
    if target.server is not None and not absent and listing.refs:
        tell(len(listing.refs))
        return Sent(len(listing.refs), 0, len(listing.refs))
    said = source.forward(_request(study_uid, listing, absent), target.ae_title)
    if target.server is None:
        return Sent(max(len(listing.refs), said.sent or 0), said.sent, None, said.failed)
    missing = _await(study_uid, listing, target, tell)
    return Sent(len(listing.refs), said.sent, len(listing.refs) - len(missing), _reasons(missing, said))


def _request(study_uid: str, listing: Listing, absent: tuple[InstanceRef, ...]) -> RetrieveRequest:
    partial = len(absent) < len(listing.refs)
    series = listing.series_uids if listing.restricted else ()
    return RetrieveRequest(study_uid, series, absent, partial=partial)


def _await(
    study_uid: str, listing: Listing, target: Target, tell: Callable[[int], None]
) -> tuple[InstanceRef, ...]:
    """Return what is still not there when nothing new has shown for a while; servers index behind time."""
    since, before = time.monotonic(), len(listing.refs) + 1
    while missing := _absent(study_uid, listing.refs, target):
        tell(len(listing.refs) - len(missing))
        now = time.monotonic()
        if len(missing) < before:
            since, before = now, len(missing)
        if now - since >= target.patience:
            break
        time.sleep(min(LOOK_EVERY, target.patience))
    tell(len(listing.refs) - len(missing))
    return missing


def _absent(study_uid: str, refs: tuple[InstanceRef, ...], target: Target) -> tuple[InstanceRef, ...]:
    if target.server is None:
        return refs
    there: set[str] = set()
    for series_uid in dict.fromkeys(ref.series_uid for ref in refs):
        keys = {"StudyInstanceUID": study_uid, "SeriesInstanceUID": series_uid, "SOPInstanceUID": ""}
        there |= {found.get("SOPInstanceUID", "") for found in target.server.find(Level.IMAGE, keys)}
    return tuple(ref for ref in refs if ref.uid not in there)


def _reasons(missing: tuple[InstanceRef, ...], said: Forwarded) -> tuple[FailedInstance, ...]:
    named = {failure.uid: failure for failure in said.failed}
    return tuple(
        named.get(ref.uid) or FailedInstance(ref.uid, Reason.INCOMPLETE, NOT_THERE) for ref in missing
    )

"""Fetch studies into a folder as they are: `<folder>/<StudyInstanceUID>/<SOPInstanceUID>.dcm`.

What the source lists is compared with what arrived; what is there already is not fetched again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from adit_cli.dicom.patterns import TextRule
from adit_cli.dicom.query import Level
from adit_cli.errors import NodeError, Reason
from adit_cli.nodes.base import (
    FailedInstance,
    InstanceRef,
    OnArrival,
    RetrieveRequest,
    Source,
    Unlisting,
)
from adit_cli.nodes.layout import safe_name
from adit_cli.tasks.landing import Landing
from adit_cli.tasks.listing import Listing, list_instances
from adit_cli.tasks.lookup import Lookup, look_up
from adit_cli.tasks.series import SeriesChoice, list_series

logger = logging.getLogger(__name__)

MOST_FAILURES = 3
NOT_SENT = "listed by the source, but it did not send it"


@dataclass(frozen=True, slots=True)
class StudyRequest:
    """A study, or some of its series."""

    uid: str
    series_uids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Downloaded:
    """What became of one request."""

    study_uid: str
    listed: int = 0
    arrived: int = 0
    present: int = 0
    """Instances that were in the folder before."""
    missing: tuple[FailedInstance, ...] = ()
    lost: int = 0
    """Instances that the source counted without naming them, and that did not arrive."""
    error: NodeError | None = None
    """What ended it before the end."""

    @property
    def complete(self) -> bool:
        """Whether everything that the source lists is in the folder, and it lists something."""
        return self.listed > 0 and not self.missing and not self.lost


def try_download(
    source: Source, wanted: StudyRequest, folder: Path, arrived: OnArrival, *, sync: bool = True
) -> Downloaded:
    """Download; a study with which a source fails must not keep the others away."""
    try:
        return download(source, wanted, folder, arrived, sync=sync)
    except NodeError as error:
        return Downloaded(wanted.uid, error=error)


def is_in_vain(fetched: Sequence[Downloaded]) -> bool:
    """Return whether a source failed with so many studies in a row that it is not asked for more."""
    last = fetched[-MOST_FAILURES:]
    return len(last) == MOST_FAILURES and all(each.error for each in last)


def refusal_of_all(fetched: Sequence[Downloaded]) -> NodeError | None:
    """Return why nothing is here as it should be, where the source failed with every study or refused it."""
    errors = [each.error for each in fetched if each.error is not None]
    if errors and (len(errors) == len(fetched) or is_in_vain(fetched)):
        return errors[-1]
    missing = [lost for each in fetched for lost in each.missing]
    if errors or any(each.arrived or each.present or not each.missing for each in fetched):
        return None
    if not missing or any(lost.reason is not Reason.REFUSED for lost in missing):
        return None
    return NodeError(missing[0].message)


def requests_for(source: Source, study_uids: Sequence[str], series_uids: Sequence[str]) -> list[StudyRequest]:
    """Return what to fetch; series may be named as `study/series`, else their studies are looked up."""
    if not series_uids:
        return _by_study((study, series) for study, _, series in (uid.partition("/") for uid in study_uids))
    if len(study_uids) == 1:
        return [StudyRequest(study_uids[0], tuple(uid.rpartition("/")[2] for uid in series_uids))]
    named = [uid.split("/") if "/" in uid else [_study_of(source, uid), uid] for uid in series_uids]
    return _by_study((study, series) for study, series in named if not study_uids or study in study_uids)


def _by_study(wanted: Iterable[tuple[str, str]]) -> list[StudyRequest]:
    """Return one request a study: all of it where somebody asked for all."""
    found: dict[str, list[str]] = {}
    for study, series in wanted:
        found.setdefault(study, []).append(series)
    return [StudyRequest(study, () if "" in series else tuple(series)) for study, series in found.items()]


def _study_of(source: Source, series_uid: str) -> str:
    found = look_up(source, Lookup(Level.SERIES, {"SeriesInstanceUID": TextRule((series_uid,))}))
    if not found or not found[0].get("StudyInstanceUID"):
        raise NodeError(
            f"the source does not say which study series {series_uid} belongs to",
            hint="name the study too: adit get NODE STUDY_UID --series SERIES_UID",
            reason=Reason.NOT_FOUND,
        )
    return found[0]["StudyInstanceUID"]


def download(
    source: Source, wanted: StudyRequest, folder: Path, arrived: OnArrival, *, sync: bool = True
) -> Downloaded:
    """Bring what the source has of a study into the folder, and say what did not come.

    With `sync` what came is safe on the disk itself when this returns.
    """
    choice = _series(source, wanted)
    with Landing(folder / safe_name(wanted.uid), arrived, sync=sync) as landing:
        fetched = _fetched(source, wanted, choice, landing)
        if fetched.complete and not wanted.series_uids:
            landing.doubt_nothing()
        return fetched


def _fetched(source: Source, wanted: StudyRequest, choice: SeriesChoice, landing: Landing) -> Downloaded:
    if _comes_whole(source, choice, landing):
        landing.open()
        _fetch_whole(source, wanted, landing)
        if landing.arrived == choice.instances:
            return Downloaded(wanted.uid, landing.arrived, landing.arrived)
    return _listed(source, wanted, choice, landing)


def _comes_whole(source: Source, choice: SeriesChoice, landing: Landing) -> bool:
    """Return whether to fetch first, and to list instances only where fewer come than the source counts.

    Listing takes some servers as long as sending; what is there already must not come twice.
    """
    fetches = isinstance(source, Unlisting) and source.fetches_unlisted()
    return fetches and bool(choice.instances) and landing.is_empty()


def _fetch_whole(source: Source, wanted: StudyRequest, landing: Landing) -> None:
    """Fetch what comes; what does not is named by the listing that follows."""
    try:
        source.retrieve(RetrieveRequest(wanted.uid, wanted.series_uids), landing.folder, landing.take)
    except NodeError as error:
        logger.info("%s Going on with single instances", error.message)


def _listed(source: Source, wanted: StudyRequest, choice: SeriesChoice, landing: Landing) -> Downloaded:
    listing = list_instances(source, wanted.uid, choice, restricted=bool(wanted.series_uids))
    absent = [ref for ref in listing.refs if not landing.has(ref.uid)]
    present = len(listing.refs) - len(absent)
    before = landing.arrived
    told: list[FailedInstance] = []
    if absent or listing.short:
        request = _request(wanted, listing, () if listing.short else tuple(absent))
        landing.open()
        told = _retrieve(source, request, landing)
    came = landing.arrived - before
    missing = _missing(absent, told, landing)
    listed = max(len(listing.refs) + _unlisted(listing), present + came + len(missing))
    lost = max(0, listed - present - came - len(missing))
    others = _others(listing, told, landing, lost)
    lost -= min(lost, len(others))
    listed = max(listed, present + came + len(missing) + len(others))
    return Downloaded(wanted.uid, listed, landing.arrived, max(0, present - before), missing + others, lost)


def _request(wanted: StudyRequest, listing: Listing, absent: tuple[InstanceRef, ...]) -> RetrieveRequest:
    """Return what to ask for; of a study that is partly here, only the series that lack something."""
    if not absent or len(absent) == len(listing.refs):
        return RetrieveRequest(wanted.uid, wanted.series_uids, absent)
    series = tuple(dict.fromkeys(ref.series_uid for ref in absent))
    return RetrieveRequest(wanted.uid, series, absent, partial=True)


def _others(
    listing: Listing, told: Sequence[FailedInstance], landing: Landing, lost: int
) -> tuple[FailedInstance, ...]:
    """Return what failed beyond the list: as much as is lost, or all where nobody tells the size."""
    listed = {ref.uid for ref in listing.refs}
    unlisted = {one.uid: one for one in told if one.uid not in listed and not landing.has(one.uid)}
    unnamed = unlisted.pop("", None)
    if not listing.is_blind:
        return tuple(unlisted.values())[:lost]
    return (*unlisted.values(), *([unnamed] if unnamed and not lost else []))


def _retrieve(source: Source, request: RetrieveRequest, landing: Landing) -> list[FailedInstance]:
    """Fetch; a source that lists a study and then refuses it must not keep the other studies away."""
    try:
        return source.retrieve(request, landing.folder, landing.take)
    except NodeError as error:
        if error.transient or not request.instances:
            raise
        said = f"{error.message} {error.hint}".strip()
        return [FailedInstance(ref.uid, error.reason, said) for ref in request.instances]


def _series(source: Source, wanted: StudyRequest) -> SeriesChoice:
    series = [
        one
        for one in list_series(source, wanted.uid)
        if not wanted.series_uids or one["SeriesInstanceUID"] in wanted.series_uids
    ]
    return SeriesChoice(tuple(series))


def _unlisted(listing: Listing) -> int:
    """Return how many instances the source counts and does not name."""
    named = [ref.series_uid for ref in listing.refs]
    return sum(max(0, counted - named.count(uid)) for uid, counted in listing.short.items())


def _missing(
    absent: Sequence[InstanceRef], told: Sequence[FailedInstance], landing: Landing
) -> tuple[FailedInstance, ...]:
    reasons = {failure.uid: failure for failure in told}
    return tuple(
        reasons.get(ref.uid) or FailedInstance(ref.uid, Reason.INCOMPLETE, NOT_SENT)
        for ref in absent
        if not landing.has(ref.uid)
    )

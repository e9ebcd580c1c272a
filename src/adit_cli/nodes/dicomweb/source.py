"""A DICOMweb service as a source: found by QIDO-RS, fetched by WADO-RS."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from pathlib import Path
from time import sleep

from adit_cli.dicom.json_model import JsonDataset
from adit_cli.dicom.query import Attributes, Level
from adit_cli.errors import NodeError, Reason
from adit_cli.jobfile.dicomweb import DicomwebPeer
from adit_cli.nodes.base import FailedInstance, InstanceRef, OnArrival, RetrieveRequest
from adit_cli.nodes.dicomweb.connection import WebConnection
from adit_cli.nodes.dicomweb.qido import Qido
from adit_cli.nodes.dicomweb.wado import Brought, Wado, Wanted
from adit_cli.nodes.retry import STANDARD, Tries, retried

logger = logging.getLogger(__name__)

PATIENCE = 3
"""Single instances that may fail one after the other before the service counts as broken."""
FEW = 8
"""So many instances are asked for one by one rather than with the rest of their series."""


class DicomwebSource:
    """A `Source` over one kept-alive connection."""

    def __init__(
        self,
        name: str,
        peer: DicomwebPeer,
        tries: Tries = STANDARD,
        pause: Callable[[float], None] = sleep,
    ) -> None:
        self._name = name
        self._tries = tries
        self._connection = WebConnection(name, peer, pause)
        self._qido = Qido(self._connection, service_path(peer.qido_prefix))
        self._wado = Wado(self._connection, service_path(peer.wado_prefix))

    def find(self, level: Level, keys: Mapping[str, str]) -> list[Attributes]:
        """Return what the service has at this level."""
        return retried(lambda: self._qido.find(level, keys), self._tries)

    def search(self, level: Level, keys: Mapping[str, str]) -> Generator[Attributes]:
        """Yield what the service has, page by page."""
        yield from self._qido.search(level, keys)

    def describe(self, instance: InstanceRef) -> JsonDataset:
        """Return what the service says of one instance, without fetching it."""
        return retried(lambda: self._wado.metadata(instance), self._tries)

    def retrieve(self, request: RetrieveRequest, spool: Path, arrived: OnArrival) -> list[FailedInstance]:
        """Fetch in as few requests as possible, in smaller ones what the service fails on as a whole."""
        failed: list[FailedInstance] = []
        waiting, lost = list(reversed(requests_for(request))), 0
        while waiting:
            wanted, brought = waiting.pop(), Brought()
            error = self._fetch(wanted, spool, arrived, brought)
            failed += brought.failed
            if error is None:
                lost = 0
                failed += left_out(self._name, wanted, request, brought)
                continue
            smaller = divided(wanted, request, brought.arrived)
            waiting += reversed(smaller)
            if smaller:
                logger.warning("%s Asking for it in %d smaller requests", error.message, len(smaller))
                continue
            lost += 1
            if not wanted.uid or lost == PATIENCE or len(request.instances) == 1:
                raise error
            failed.append(FailedInstance(wanted.uid, error.reason, error.message))
        return failed

    def is_relational(self) -> bool:
        """Return that series and instances may be searched for across studies (PS3.18 §10.6.1.1)."""
        return True

    def fetches_unlisted(self) -> bool:
        """Return that nothing has to be negotiated."""
        return True

    def close(self) -> None:
        """Drop the connection."""
        self._connection.close()

    def _fetch(self, wanted: Wanted, spool: Path, arrived: OnArrival, brought: Brought) -> NodeError | None:
        """Fetch; return the error that is about what was asked for, raise those about the service."""
        try:
            self._wado.fetch(wanted, spool, arrived, brought)
        except NodeError as error:
            if not _is_about_the_data(error):
                raise
            return error
        return None


def service_path(prefix: str) -> str:
    """Return a prefix of the node as it stands in a path."""
    return f"/{prefix}" if prefix else ""


def _is_about_the_data(error: NodeError) -> bool:
    """Return whether a smaller request may do better: one bad instance must not cost the others."""
    failed_inside = error.reason is Reason.REFUSED and error.transient
    return failed_inside or error.reason in {Reason.NOT_FOUND, Reason.INCOMPLETE}


def requests_for(request: RetrieveRequest) -> list[Wanted]:
    """Return what to ask for: the study where all of it is wanted, else series, or single instances."""
    study = request.study_uid
    if not request.series_uids:
        return [Wanted(study)]
    if not request.instances:
        return [Wanted(study, series) for series in request.series_uids]
    asked: list[Wanted] = []
    for series, refs in _by_series(request.instances).items():
        if len(refs) <= FEW:
            asked += [Wanted(study, series, ref.uid) for ref in refs]
        else:
            asked.append(Wanted(study, series, only=frozenset(ref.uid for ref in refs)))
    return asked


def divided(wanted: Wanted, request: RetrieveRequest, arrived: Collection[str]) -> list[Wanted]:
    """Return smaller requests for what one that failed did not bring; none where it can't be divided."""
    if wanted.uid:
        return []
    missing = _by_series([ref for ref in _refs_of(wanted, request) if ref.uid not in arrived])
    if len(missing) == 1:
        return [Wanted(ref.study_uid, ref.series_uid, ref.uid) for refs in missing.values() for ref in refs]
    return [
        Wanted(request.study_uid, series, only=frozenset(ref.uid for ref in refs))
        for series, refs in missing.items()
    ]


def left_out(name: str, wanted: Wanted, request: RetrieveRequest, brought: Brought) -> list[FailedInstance]:
    """Return what a server held back when it said that its answer is not all there is."""
    if not brought.partial:
        return []
    told = {failure.uid for failure in brought.failed}
    if not request.instances:
        message = f"{name} {brought.partial}: some instances of {wanted.level} were left out"
        return [FailedInstance("", Reason.INCOMPLETE, message)]
    return [
        FailedInstance(
            ref.uid, Reason.INCOMPLETE, f"{name} {brought.partial} and left out instance {ref.uid}"
        )
        for ref in _refs_of(wanted, request)
        if ref.uid not in brought.arrived and ref.uid not in told
    ]


def _refs_of(wanted: Wanted, request: RetrieveRequest) -> list[InstanceRef]:
    return [
        ref
        for ref in request.instances
        if wanted.series_uid in {"", ref.series_uid} and wanted.uid in {"", ref.uid}
    ]


def _by_series(refs: Sequence[InstanceRef]) -> dict[str, list[InstanceRef]]:
    found: dict[str, list[InstanceRef]] = {}
    for ref in refs:
        found.setdefault(ref.series_uid, []).append(ref)
    return found

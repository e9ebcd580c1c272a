"""How one study is cut into C-GET and C-MOVE requests (PS3.4 §C.4.3.1.3): by series, or by instances."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from adit_cli.dicom.query import Attributes, Level
from adit_cli.nodes.base import InstanceRef, RetrieveRequest

PROBE = 8
LONGEST_LIST = 256
SHORTEST_LIST = 8
_SHARES = 2


@dataclass(frozen=True, slots=True)
class Unit:
    """One request: a study, some series of it, or some instances of a series."""

    study_uid: str
    series_uid: str = ""
    instances: tuple[InstanceRef, ...] = ()
    """What is expected of it; empty where nothing was listed."""
    by_instance: bool = False
    again: bool = False
    """Whether it is one instance that did not come when others were asked for with it."""

    def identifier(self) -> Attributes:
        """Return the unique keys, all levels from the study down."""
        keys = {"QueryRetrieveLevel": Level.STUDY.value, "StudyInstanceUID": self.study_uid}
        if self.series_uid:
            keys |= {"QueryRetrieveLevel": Level.SERIES.value, "SeriesInstanceUID": self.series_uid}
        if self.by_instance:
            uids = "\\".join(one.uid for one in self.instances)
            keys |= {"QueryRetrieveLevel": Level.IMAGE.value, "SOPInstanceUID": uids}
        return keys

    def remaining(self, arrived: Collection[str]) -> list[Unit]:
        """Return what is still to be fetched of it: itself, while nothing of it has arrived."""
        rest = [one for one in self.instances if one.uid not in arrived]
        return [self] if len(rest) == len(self.instances) else listed_units(self.study_uid, rest)


def whole_units(request: RetrieveRequest) -> list[Unit]:
    """Return the fewest requests: the study as it is, or each series that is wanted."""
    if not request.series_uids:
        return [Unit(request.study_uid, instances=request.instances)]
    by_series = _by_series(request.instances)
    return [Unit(request.study_uid, uid, by_series.get(uid, ())) for uid in request.series_uids]


def listed_units(study_uid: str, instances: Iterable[InstanceRef], longest: int = LONGEST_LIST) -> list[Unit]:
    """Return requests for just these instances, at most so many in each."""
    return [
        Unit(study_uid, series_uid, members[start : start + longest], by_instance=True)
        for series_uid, members in _by_series(instances).items()
        for start in range(0, len(members), longest)
    ]


def shared_units(
    study_uid: str, instances: Collection[InstanceRef], associations: int, shortest: int = SHORTEST_LIST
) -> list[Unit]:
    """Return requests that keep several associations busy to the end.

    Each takes its share of what is left: large ones first, since a request costs a round trip, small ones
    last, so that no association works on alone for long.
    """
    units: list[Unit] = []
    left = len(instances)
    for series_uid, members in _by_series(instances).items():
        start = 0
        while start < len(members):
            longest = min(max(left // (associations * _SHARES), shortest), LONGEST_LIST)
            some = members[start : start + longest]
            units.append(Unit(study_uid, series_uid, some, by_instance=True))
            start, left = start + len(some), left - len(some)
    return units


def single_units(study_uid: str, instances: Iterable[InstanceRef]) -> list[Unit]:
    """Return one request for each instance that did not come."""
    return [Unit(study_uid, one.series_uid, (one,), by_instance=True, again=True) for one in instances]


def _by_series(instances: Iterable[InstanceRef]) -> dict[str, tuple[InstanceRef, ...]]:
    found: dict[str, list[InstanceRef]] = {}
    for one in instances:
        found.setdefault(one.series_uid, []).append(one)
    return {uid: tuple(members) for uid, members in found.items()}

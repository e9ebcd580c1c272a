"""One study on its way from a node by C-GET: cut into requests, repeated where something is missing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from pathlib import Path

from adit_cli.dicom.attributes import encode_attributes
from adit_cli.nodes.base import Arrival, FailedInstance, InstanceRef, OnArrival, RetrieveRequest
from adit_cli.nodes.dimse.account import Account
from adit_cli.nodes.dimse.contexts import STUDY_GET, Context, find_contexts, get_contexts, merged
from adit_cli.nodes.dimse.crew import Crew
from adit_cli.nodes.dimse.fetch import c_get
from adit_cli.nodes.dimse.line import Line
from adit_cli.nodes.dimse.pace import Pace
from adit_cli.nodes.dimse.scu import needed_context
from adit_cli.nodes.dimse.units import PROBE, Unit, listed_units, shared_units, single_units, whole_units
from adit_cli.nodes.retry import Tries, retried_while_it_helps

MOST_IN_VAIN = 5


class Retrieval:
    """What is wanted of one study, and what has come of it."""

    def __init__(self, lines: list[Line], pace: Pace, tries: Tries, request: RetrieveRequest) -> None:
        self._lines = lines
        self._pace = pace
        self._tries = tries
        self._request = request
        self._contexts = _contexts_for(request.instances)
        self._lock = threading.Lock()
        self._spool = Path()
        self._account = Account(request)
        self._arrived = self._account.arrived

    def run(self, spool: Path, arrived: OnArrival) -> list[FailedInstance]:
        """Fetch all of it; return what did not come and why."""
        self._spool, self._on_arrival = spool, arrived
        Crew(self._lines, self._pace, self._open, self._fetch).run(self._units())
        if self._account.missing:
            self._ask_singly(self._account.missing)
        return self._account.result(self._lines[0].party)

    def _units(self) -> list[Unit]:
        """Return the first requests; by instances only where something is there already, or it pays."""
        request, listed = self._request, self._request.instances
        if listed and (request.partial or any(self._spool.glob("*.dcm"))):
            return listed_units(request.study_uid, listed)
        associations = self._pace.expected(self._lines[0].round_trip)
        if associations == 1 or len(listed) <= 2 * PROBE:
            return whole_units(request)
        if self._pace.is_known:
            return shared_units(request.study_uid, listed, associations)
        probe = listed_units(request.study_uid, listed, PROBE)[0]
        asked = set(probe.instances)
        rest = [one for one in listed if one not in asked]
        return [probe, *shared_units(request.study_uid, rest, associations)]

    def _open(self, line: Line) -> None:
        line.ready(self._contexts)

    def _fetch(self, line: Line, unit: Unit, associations: int) -> None:
        """Fetch one unit; as long as something comes, an association that ends is opened again."""
        retried_while_it_helps(
            lambda: self._fetch_rest(line, unit, associations), self._tries, lambda: len(self._arrived)
        )

    def _fetch_rest(self, line: Line, unit: Unit, associations: int) -> None:
        for part in unit.remaining(self._arrived):
            assoc = line.ready(self._contexts_of(part))
            transfer_syntax = assoc.accepted[needed_context(assoc, STUDY_GET, "C-GET")][1]
            identifier = encode_attributes(part.identifier(), transfer_syntax)
            started = time.monotonic()
            fetched = c_get(assoc, identifier, self._spool, self._arrive)
            seconds = time.monotonic() - started
            self._pace.note(associations, len(fetched.arrived), fetched.size, seconds)
            self._account.note_refused(fetched.refused)
            self._account.note(assoc, "C-GET", part, fetched.told, came=bool(fetched.arrived))

    def _contexts_of(self, unit: Unit) -> list[Context]:
        """Return what to propose: for an instance that is asked for again, all there is for its SOP class.

        What a study of many SOP classes did not get a context for is fetched so in the end. Where others
        came, it may be of another class than it was listed with: the common ones are proposed too.
        """
        if not unit.again:
            return self._contexts
        return merged(_contexts_for(unit.instances), get_contexts() if self._arrived else [])

    def _arrive(self, arrival: Arrival) -> None:
        with self._lock:
            if arrival.uid not in self._arrived:
                self._arrived.add(arrival.uid)
                self._on_arrival(arrival)

    def _ask_singly(self, missing: list[InstanceRef]) -> None:
        """Ask for the missing ones one by one, until too many of them were asked for in vain."""
        in_vain = 0
        for unit in single_units(self._request.study_uid, missing):
            before = len(self._arrived)
            self._fetch(self._lines[0], unit, 1)
            in_vain = in_vain + 1 if len(self._arrived) == before else 0
            if in_vain >= MOST_IN_VAIN:
                return


def _contexts_for(instances: Iterable[InstanceRef]) -> list[Context]:
    classes = {one.sop_class_uid for one in instances}
    return merged(find_contexts(), get_contexts(() if "" in classes else sorted(classes)))

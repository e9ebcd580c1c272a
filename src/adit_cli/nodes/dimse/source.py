"""A server reached by DIMSE, as a source: C-FIND to look, C-GET or C-MOVE to fetch (PS3.4 §C)."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from pathlib import Path

from adit_cli.dicom.attributes import encode_attributes
from adit_cli.dicom.query import Attributes, Level
from adit_cli.errors import CutShortError
from adit_cli.jobfile.node import DimsePeer, Limits
from adit_cli.nodes.base import FailedInstance, Forwarded, OnArrival, RetrieveRequest
from adit_cli.nodes.dimse.contexts import PATIENT_FIND, STUDY_FIND, find_contexts
from adit_cli.nodes.dimse.fetching import GET_ONLY, Fetching, Means
from adit_cli.nodes.dimse.forwarding import forward
from adit_cli.nodes.dimse.line import Line
from adit_cli.nodes.dimse.pace import Pace
from adit_cli.nodes.dimse.party import Party
from adit_cli.nodes.dimse.scu import c_find_each, needed_context
from adit_cli.nodes.retry import STANDARD, Tries, retried

_UNIQUE_KEYS = {
    Level.PATIENT: "PatientID",
    Level.STUDY: "StudyInstanceUID",
    Level.SERIES: "SeriesInstanceUID",
    Level.IMAGE: "SOPInstanceUID",
}
_CONTROL = ("QueryRetrieveLevel", "SpecificCharacterSet")


class DimseSource:
    """Finds and fetches over associations that are kept from call to call."""

    def __init__(
        self,
        name: str,
        peer: DimsePeer,
        calling_ae_title: str,
        limits: Limits,
        tries: Tries = STANDARD,
        means: Means = GET_ONLY,
    ) -> None:
        self._party = Party.of(name, peer, calling_ae_title)
        self._tries = tries
        self.pace = Pace(limits.associations)
        self._lines = [Line(self._party, helper=number > 0) for number in range(limits.associations)]
        self._fetching = Fetching(self._lines, self.pace, tries, means)

    def find(self, level: Level, keys: Mapping[str, str]) -> list[Attributes]:
        """Return what the node has.

        Instances are looked for in one series after the other (PS3.4 §C.4.1), unless it is relational.
        """
        if level is Level.IMAGE and self._must_go_by_series(keys):
            above = {"StudyInstanceUID": keys.get("StudyInstanceUID", ""), "SeriesInstanceUID": ""}
            series = [found["SeriesInstanceUID"] for found in self.find(Level.SERIES, above)]
            return [found for uid in series for found in self.find(level, {**keys, "SeriesInstanceUID": uid})]
        return retried(lambda: self._listed(level, keys), self._tries)

    def search(self, level: Level, keys: Mapping[str, str]) -> Generator[Attributes]:
        """Yield what the node has as it answers; until that is over, nothing else can be asked."""
        if level is Level.IMAGE and self._must_go_by_series(keys):
            yield from self.find(level, keys)
            return
        yield from self._find(level, keys)

    def _must_go_by_series(self, keys: Mapping[str, str]) -> bool:
        """Return whether instances of a whole study are wanted; to one of an unknown study nothing leads."""
        of_study = bool(keys.get("StudyInstanceUID")) and not keys.get("SeriesInstanceUID")
        return of_study and not self.is_relational()

    def is_relational(self) -> bool:
        """Return whether the node accepted to answer queries without the keys above (PS3.4 §C.5.1.1)."""
        return retried(lambda: self._lines[0].ready(find_contexts()), self._tries).is_relational(STUDY_FIND)

    def retrieve(self, request: RetrieveRequest, spool: Path, arrived: OnArrival) -> list[FailedInstance]:
        """Fetch into the spool; what was listed and did not come is asked for again one by one."""
        return self._fetching.fetch(request, spool, arrived)

    def forward(self, request: RetrieveRequest, ae_title: str) -> Forwarded:
        """Have it sent to another server by C-MOVE."""
        return forward(self._lines[0], self._tries, request, ae_title)

    def close(self) -> None:
        """Release the associations."""
        for line in self._lines:
            line.close()
        self._fetching.close()

    def _listed(self, level: Level, keys: Mapping[str, str]) -> list[Attributes]:
        """Return all answers; an error that says there are more carries those that came."""
        answers: list[Attributes] = []
        try:
            for one in self._find(level, keys):
                answers.append(one)  # noqa: PERF402 - what came before an error counts
        except CutShortError as error:
            error.answers = answers
            raise
        return answers

    def _find(self, level: Level, keys: Mapping[str, str]) -> Generator[Attributes]:
        assoc = self._lines[0].ready(find_contexts())
        model = PATIENT_FIND if level is Level.PATIENT else STUDY_FIND
        transfer_syntax = assoc.accepted[needed_context(assoc, model, f"C-FIND at {level} level")][1]
        asked = {_UNIQUE_KEYS[level]: "", **keys, "QueryRetrieveLevel": level.value}
        for one in c_find_each(assoc, model, encode_attributes(asked, transfer_syntax)):
            for keyword in _CONTROL:
                one.pop(keyword, None)
            yield one

"""A pynetdicom PACS with the habits of real ones, each to be switched on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Self

from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.events import Event

from adit_cli.jobfile.node import DimsePeer, Timeouts
from adit_cli.nodes.demo import DemoPacs
from tests.support.process import LOOPBACK

_PENDING, _REFUSED = 0xFF00, 0xA900
_NEEDED = {"SERIES": ("StudyInstanceUID",), "IMAGE": ("StudyInstanceUID", "SeriesInstanceUID")}
_ALL = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


class QuirkyPacs(DemoPacs):
    """Serves a folder; insists on hierarchical queries unless it is told to be relational."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, ae_title="QUIRKY")
        self.relational = False
        self.refuses_relational = False
        """Whether it refuses what it has promised when it accepted relational queries."""
        self.deaf_to: set[str] = set()
        """Keys that it does not match."""
        self.hidden: set[str] = set()
        """Keys that it never returns."""
        self.availability = "ONLINE"
        self.asked: list[dict[str, str]] = []

    def __enter__(self) -> Self:
        super().__enter__()
        if self._server is not None:
            self._server.bind(evt.EVT_SOP_EXTENDED, self._extended)  # pyright: ignore[reportUnknownMemberType]  # pynetdicom's types are partial
        return self

    @property
    def address(self) -> str:
        """The node as a user types it."""
        return f"{self.ae_title}@{LOOPBACK}:{self.port}"

    def as_node(self) -> DimsePeer:
        """Return it as a job file names it, with time for a busy machine."""
        patient = Timeouts(connect=30, acse=30, dimse=60)
        return DimsePeer(ae_title=self.ae_title, host=LOOPBACK, port=self.port, timeouts=patient)

    def levels(self) -> list[str]:
        """Return the levels at which it was asked, in order."""
        return [keys["QueryRetrieveLevel"] for keys in self.asked]

    def _extended(self, event: Event) -> dict[str, bytes]:
        wanted: dict[str, bytes] = getattr(event, "app_info", {})
        return wanted if self.relational else {}

    def _on_find(self, event: Event) -> Iterator[tuple[int, Dataset | None]]:
        keys = {element.keyword: str(element.value or "") for element in event.identifier}
        self.asked.append(keys)
        if self._must_refuse(keys):
            yield _REFUSED, None
            return
        wanted = Dataset()
        wanted.update(event.identifier)
        for keyword in self.deaf_to & keys.keys():
            setattr(wanted, keyword, None)
        for answer in self._catalog.find(wanted):
            for keyword in self.hidden & {element.keyword for element in answer}:
                delattr(answer, keyword)
            if "InstanceAvailability" not in self.hidden:
                answer.InstanceAvailability = self.availability
            yield _PENDING, answer

    def _must_refuse(self, keys: dict[str, str]) -> bool:
        above = _NEEDED.get(keys["QueryRetrieveLevel"], ())
        complete = all(keys.get(keyword) for keyword in above)
        return not complete and (self.refuses_relational or not self.relational)

"""A pynetdicom PACS with the habits of real ones, each to be switched on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Self

from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.events import Event

from adit_cli.jobfile.node import DimsePeer, Timeouts
from adit_cli.nodes.demo import DemoPacs
from adit_cli.nodes.demo.catalog import read
from tests.support.process import LOOPBACK

_PENDING, _REFUSED = 0xFF00, 0xA900
_NEEDED = {"SERIES": ("StudyInstanceUID",), "IMAGE": ("StudyInstanceUID", "SeriesInstanceUID")}


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
        self.lost: set[str] = set()
        """Instances that it lists and does not send, and says Success all the same."""
        self.endless = False
        """Whether it goes on answering a query until the association is gone, deaf to C-CANCEL."""
        self.aborted = threading.Event()
        self.asked: list[dict[str, str]] = []

    def __enter__(self) -> Self:
        super().__enter__()
        if self._server is not None:
            self._server.bind(evt.EVT_ABORTED, self._note_abort)  # pyright: ignore[reportUnknownMemberType]  # as below
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

    def _note_abort(self, _event: Event) -> None:
        self.aborted.set()

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
        found = list(self._catalog.find(wanted))
        for answer in cycle(found) if self.endless else found:
            for keyword in self.hidden & {element.keyword for element in answer}:
                delattr(answer, keyword)
            if "InstanceAvailability" not in self.hidden:
                answer.InstanceAvailability = self.availability
            yield _PENDING, answer

    def _on_get(self, event: Event) -> Iterator[int | tuple[int, Dataset | None]]:
        paths = [path for path in self._catalog.paths(event.identifier) if self._has(path)]
        yield len(paths)
        for path in paths:
            yield _PENDING, read(path)

    def _has(self, path: Path) -> bool:
        return str(read(path, pixels=False).SOPInstanceUID) not in self.lost

    def _must_refuse(self, keys: dict[str, str]) -> bool:
        above = _NEEDED.get(keys["QueryRetrieveLevel"], ())
        complete = all(keys.get(keyword) for keyword in above)
        return not complete and (self.refuses_relational or not self.relational)

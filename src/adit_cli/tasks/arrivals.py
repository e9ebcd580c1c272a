"""Take what arrives into the account and pass it on; runs inside the source's retrieval."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from adit_cli.dicom.attributes import read_attributes
from adit_cli.errors import DataError
from adit_cli.nodes.base import Arrival
from adit_cli.nodes.storage import storage_errors
from adit_cli.tasks.ledger import Ledger
from adit_cli.tasks.pipeline import Pipeline
from adit_cli.tasks.prepare import ready_file
from adit_cli.tasks.spool import TaskSpool
from adit_cli.tasks.task import Progress, TransferTask

Report = Callable[[Progress], None]
TELL_EVERY = 0.1
"""Seconds between two reports of progress."""
COUNT_EVERY = 1.0
"""Seconds for which the number of expected instances holds; to count them takes long in large studies."""


class Arrivals:
    """What a source calls with each file, and what earlier attempts left."""

    def __init__(
        self, task: TransferTask, ledger: Ledger, spool: TaskSpool, pipeline: Pipeline, report: Report
    ) -> None:
        self.notes: list[str] = []
        self._task = task
        self._ledger = ledger
        self._spool = spool
        self._pipeline = pipeline
        self._report = report
        self._due = 0.0
        self._expected = ledger.expected
        self._count_due = time.monotonic() + COUNT_EVERY
        self._series_of = {ref.uid: ref.series_uid for ref in ledger.listing.refs}

    def resume(self) -> None:
        """Take up what an earlier attempt fetched; it is neither fetched nor prepared again."""
        names = {self._spool.ready(uid).name: uid for uid in self._series_of}
        with storage_errors("the spool folder"):
            for path in self._spool.left_ready():
                uid = names.get(path.name, path.stem)
                self._note(uid, path.stat().st_size)
                self._pipeline.hand_on(uid, ready_file(path))
            for path in self._spool.left_waiting():
                uid = names.get(path.name, path.stem)
                self._note(uid, path.stat().st_size)
                self._pipeline.put(uid, path)

    def take(self, arrival: Arrival) -> None:
        """Claim a file that is whole; Stopped where nobody can take it on."""
        with storage_errors("the spool folder"):
            if not self._belongs(arrival):
                self._ledger.strays += 1
                arrival.path.unlink()
                return
            if not self._ledger.arrived:
                self._compare_patient(arrival.path)
            path = self._spool.claim(arrival.path, arrival.uid)
        self._note(arrival.uid, arrival.size)
        self._pipeline.put(arrival.uid, path)

    def tell_now(self, phase: str) -> None:
        """Report how far the task is."""
        self._expected = self._ledger.expected
        self._count_due = time.monotonic() + COUNT_EVERY
        self._tell(phase)

    def _tell(self, phase: str) -> None:
        self._due = time.monotonic() + TELL_EVERY
        ledger = self._ledger
        self._report(
            Progress(
                self._task.key,
                phase,
                max(self._expected, len(ledger.arrived)),
                len(ledger.arrived),
                self._pipeline.handed,
                ledger.size,
            )
        )

    def _note(self, uid: str, size: int) -> None:
        if uid not in self._ledger.arrived:
            self._ledger.size += size
        self._ledger.arrived[uid] = self._series_of.get(uid, "")
        now = time.monotonic()
        if now >= self._count_due:
            self.tell_now("retrieve")
        elif now >= self._due:
            self._tell("retrieve")

    def _belongs(self, arrival: Arrival) -> bool:
        """Return whether a file is of this study and its chosen series; one may be newer than the list."""
        if arrival.uid in self._series_of:
            return True
        try:
            values = read_attributes(arrival.path, ("StudyInstanceUID", "SeriesInstanceUID"))
        except DataError:
            return False
        series_uid = values.get("SeriesInstanceUID", "")
        if values.get("StudyInstanceUID") != self._task.study_uid:
            return False
        self._series_of[arrival.uid] = series_uid
        return series_uid in self._ledger.listing.series_uids

    def _compare_patient(self, path: Path) -> None:
        try:
            found = read_attributes(path, ("PatientID",)).get("PatientID", "")
        except DataError:
            return  # whoever prepares the file says what is wrong with it
        if self._task.patient_id and found != self._task.patient_id:
            self.notes.append("the images name another PatientID than the source's index (merged patients?)")

"""One destination of a running task, fed through a bounded queue by a thread of its own."""

from __future__ import annotations

from threading import Thread

from adit_cli.errors import AditError
from adit_cli.nodes.base import Delivered, Delivery, Destination, Ready, Reporting, accepted
from adit_cli.tasks.queue import BoundedQueue, Empty
from adit_cli.tasks.receipts import Receipts

DEPTH = 64
"""Files that may wait for a destination; more would only fill the spool."""
BATCH = 16


class Lane:
    """Hands files to a destination as they become ready; an error ends it, and it then only drains.

    What an earlier attempt delivered is answered for without asking.
    """

    def __init__(self, name: str, destination: Destination, task_key: str, receipts: Receipts) -> None:
        self.name = name
        self.error: BaseException | None = None
        self.answers: list[Delivered] = []
        self.notes: list[str] = []
        self.handed = 0
        self._receipts = receipts
        self._held: list[Ready] = []
        """What the destination has already, unless something new makes it another study."""
        self._is_new = False
        self._queue: BoundedQueue[Ready | None] = BoundedQueue(DEPTH)
        self._delivery: Delivery = destination.begin(task_key)
        self._thread = Thread(target=self._run, name=f"deliver-{name}", daemon=True)
        self._thread.start()

    def put(self, ready: Ready) -> None:
        """Queue a file; waits while the destination is behind."""
        self._queue.put(ready)

    def drain(self) -> None:
        """Wait until everything queued is handed over."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    def finish(self) -> None:
        """Make the study visible and durable at the destination."""
        if self.error is None:
            try:
                self.answers += self._finish()
                self.notes += self._delivery.notes() if isinstance(self._delivery, Reporting) else []
            except AditError as error:
                self.error = error

    def _finish(self) -> list[Delivered]:
        if self._held and not self._is_new:
            return [accepted(ready.uid) for ready in self._held]
        told = self._delivery.add(self._held) if self._held else []
        filed = self._delivery.finish()
        self._receipts.note_together(filed)
        return [*told, *filed]

    def abandon(self) -> None:
        """Leave nothing half-written behind."""
        self._delivery.abandon()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            batch, last = self._batch(first)
            self._hand_over(batch)
            if last:
                return

    def _batch(self, first: Ready) -> tuple[list[Ready], bool]:
        """Return what waits in the queue, and whether nothing follows."""
        batch = [first]
        while len(batch) < BATCH:
            try:
                following = self._queue.get_nowait()
            except Empty:
                return batch, False
            if following is None:
                return batch, True
            batch.append(following)
        return batch, False

    def _hand_over(self, batch: list[Ready]) -> None:
        if self.error is not None:
            return
        try:
            self.answers += self._deliver(batch)
            self.handed += len(batch)
        except Exception as error:  # noqa: BLE001 - carried to the main thread, which raises what is a bug
            self.error = error

    def _deliver(self, batch: list[Ready]) -> list[Delivered]:
        """Hand over what the destination does not have; return what is known of the batch so far."""
        known = [accepted(ready.uid) for ready in batch if self._receipts.has(ready.uid)]
        missing = [ready for ready in batch if not self._receipts.has(ready.uid)]
        new = [ready for ready in missing if not self._receipts.has_if_alone(ready.uid)]
        self._held += [ready for ready in missing if self._receipts.has_if_alone(ready.uid)]
        if not new:
            return known
        self._is_new = True
        told = self._delivery.add(new)
        self._receipts.note_each(told)
        return [*known, *told]

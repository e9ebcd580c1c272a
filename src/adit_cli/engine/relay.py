"""What workers log, in the parent's own log; what holds for a whole run is said once, whoever says it."""

from __future__ import annotations

import logging


class Relay:
    """Hands records on; `extra={"once": True}` marks those that each worker would repeat."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def hand_on(self, record: logging.LogRecord) -> None:
        """Log a worker's record, unless it is one that was said."""
        if getattr(record, "once", False):
            text = record.getMessage()
            if text in self._said:
                return
            self._said.add(text)
        logging.getLogger(record.name).handle(record)

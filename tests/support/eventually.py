"""What another process does soon, however busy the machine is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

PATIENCE = 60.0


def becomes_true(condition: Callable[[], bool]) -> bool:
    """Return whether a condition comes true; how long that takes proves nothing."""
    pause, deadline = threading.Event(), time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            return False
        pause.wait(0.01)
    return True

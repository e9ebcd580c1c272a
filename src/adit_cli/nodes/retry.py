"""Ask once more where that may help: one request, a few times, with growing and random pauses.

Only for functions that return a value; a generator that is started again hands things out twice.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from adit_cli.errors import TransientNodeError

T = TypeVar("T")
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tries:
    """How often one request is made, and how long the pauses may get, in seconds."""

    attempts: int = 3
    first_pause: float = 0.5
    longest_pause: float = 10.0


STANDARD = Tries()


def retried(call: Callable[[], T], tries: Tries, stop: threading.Event | None = None) -> T:
    """Return what the call returns; where it fails for now, call again. `stop` cuts the pauses short."""
    try:
        return call()
    except TransientNodeError as error:
        if tries.attempts <= 1:
            raise
        logger.info("Trying again: %s", error)
    return _again(call, tries, stop or threading.Event())


def retried_while_it_helps(call: Callable[[], T], tries: Tries, done: Callable[[], int]) -> T:
    """Return what the call returns; where it fails for now, call again as long as more is done each time.

    `done` counts; only without progress does the number of tries have an end.
    """
    while True:
        before = done()
        try:
            return retried(call, tries)
        except TransientNodeError:
            if done() == before:
                raise


def _again(call: Callable[[], T], tries: Tries, stop: threading.Event) -> T:
    from tenacity import (  # noqa: PLC0415 - most requests succeed at once and need not load it
        Retrying,
        retry_if_exception_type,
        sleep_using_event,
        stop_after_attempt,
        stop_when_event_set,
        wait_random_exponential,
    )

    pause = wait_random_exponential(multiplier=tries.first_pause, max=tries.longest_pause)
    sleep = sleep_using_event(stop)
    sleep(random.uniform(0, tries.first_pause))  # noqa: S311 - jitter, not cryptography
    again = Retrying(
        sleep=sleep,
        stop=stop_after_attempt(tries.attempts - 1) | stop_when_event_set(stop),
        wait=pause,
        retry=retry_if_exception_type(TransientNodeError),
        reraise=True,
    )
    return again(call)

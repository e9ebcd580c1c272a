"""Remember for a while which series studies have, so that a plan and the run after it ask once.

Only answers at series level, in which no patient is named: UIDs, modalities, numbers, dates, descriptions.
What is read back is JSON and nothing else: diskcache would also unpickle what somebody wrote into its file
(CVE-2025-69872), so a row that asks for that is not read.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, cast

from adit_cli.dicom.query import Attributes, Level
from adit_cli.engine.folders import make_private
from adit_cli.nodes.base import FailedInstance, OnArrival, RetrieveRequest, Source

LARGEST = 256 * 1024 * 1024
_PATIENTS = ("Patient", "IssuerOfPatient", "OtherPatient")

logger = logging.getLogger(__name__)


class Memory(Protocol):
    """Texts by key, for a time."""

    def get(self, key: str) -> str | None:
        """Return what is remembered, if it is."""
        ...

    def put(self, key: str, value: str) -> None:
        """Remember a text."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


class RememberingSource:
    """A source whose series-level answers are remembered; everything else goes through."""

    def __init__(self, source: Source, address: str, memory: Memory) -> None:
        self._source = source
        self._address = address
        self._memory = memory

    def find(self, level: Level, keys: Mapping[str, str]) -> list[Attributes]:
        """Return what the source has, or had lately."""
        if level is not Level.SERIES or not keys.get("StudyInstanceUID") or _names_patients(keys):
            return self._source.find(level, keys)
        key = hashlib.sha256(json.dumps([self._address, sorted(keys.items())]).encode()).hexdigest()
        known = self._memory.get(key)
        if known is not None:
            return cast("list[Attributes]", json.loads(known))
        found = [_asked_for(one, keys) for one in self._source.find(level, keys)]
        if found:
            self._memory.put(key, json.dumps(found))
        return found

    def retrieve(self, request: RetrieveRequest, spool: Path, arrived: OnArrival) -> list[FailedInstance]:
        """Fetch from the source."""
        return self._source.retrieve(request, spool, arrived)

    def close(self) -> None:
        """Close the source."""
        self._source.close()


def _names_patients(keys: Mapping[str, str]) -> bool:
    return any(keyword.startswith(_PATIENTS) for keyword in keys)


def _asked_for(found: Attributes, keys: Mapping[str, str]) -> Attributes:
    """Return an answer without what nobody asked for: some archives add the patient."""
    return {keyword: value for keyword, value in found.items() if keyword in keys}


class DiskMemory:
    """Texts in a file of this user's state folder; one that cannot be used remembers nothing."""

    def __init__(self, folder: Path, seconds: float, clock: Callable[[], float] = time.time) -> None:
        self._cache = _opened(folder)
        self._seconds = seconds
        self._clock = clock

    def get(self, key: str) -> str | None:
        """Return what is remembered, if it is; what another job keeps for longer may be too old here."""
        match self._tried(lambda cache: cache.get(key, tag=True)):
            case (str() as value, str() as since) if self._clock() - float(since) < self._seconds:
                return value
            case _:
                return None

    def put(self, key: str, value: str) -> None:
        """Remember a text."""
        since = str(self._clock())
        self._tried(lambda cache: cache.set(key, value, expire=self._seconds, tag=since))

    def close(self) -> None:
        """Close the file."""
        if self._cache is not None:
            self._cache.close()

    def _tried(self, act: Callable[[_Cache], object]) -> object:
        if self._cache is None:
            return None
        try:
            return act(self._cache)
        except (OSError, sqlite3.Error, ValueError) as error:
            logger.info("the cache of lookups is not used: %s", type(error).__name__)
            return None


class _Cache(Protocol):
    def get(self, key: str, *, tag: bool) -> object: ...
    def set(self, key: str, value: str, expire: float, *, tag: str) -> bool: ...
    def close(self) -> None: ...


def _opened(folder: Path) -> _Cache | None:
    from diskcache import Cache  # noqa: PLC0415 - only plans of servers need it

    from adit_cli.engine.json_disk import JsonOnly  # noqa: PLC0415 - as above

    make_private(folder)
    try:
        os.close(os.open(folder / "cache.db", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        return cast("_Cache", Cache(str(folder), disk=JsonOnly, size_limit=LARGEST))
    except (OSError, sqlite3.Error, ValueError) as error:
        logger.warning("the cache of lookups in %s cannot be used: %s", folder, type(error).__name__)
        return None

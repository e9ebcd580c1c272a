"""Evidence of single files as lines of JSON, in files that a killed run can go on with."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeAlias, cast

from adit_cli.deid.evidence import Replaced

Json: TypeAlias = str | int | Mapping[str, str] | list[list[str | int]]
Record: TypeAlias = dict[str, Json]
"""One line."""


def record_of(replaced: Replaced) -> Record:
    """Return what was replaced in a file, as it is written down."""
    actions: list[list[str | int]] = [[tag, name, count] for (tag, name), count in replaced.actions.items()]
    return {
        "uids": dict(replaced.uids),
        "issuer": replaced.issuer,
        "old_id": replaced.old_id,
        "new_id": replaced.new_id,
        "actions": actions,
    }


def replaced_of(record: Record) -> Replaced:
    """Return what was replaced, as `record_of` wrote it."""
    actions = cast("list[tuple[int, str, int]]", record["actions"])
    return Replaced(
        cast("dict[str, str]", record["uids"]),
        str(record["issuer"]),
        str(record["old_id"]),
        str(record["new_id"]),
        {(tag, name): count for tag, name, count in actions},
    )


class RecordFile:
    """Lines that are added at the end, each in one write. Whoever is killed leaves at most half a line."""

    def __init__(self, path: Path) -> None:
        """Open for adding; half a line of a killed run is cut off."""
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            whole = _whole_lines(path.read_bytes())
            os.ftruncate(self._descriptor, whole)
        except BaseException:
            os.close(self._descriptor)
            raise

    def add(self, record: Record) -> None:
        """Add a line."""
        line = memoryview(json.dumps(record, ensure_ascii=True).encode() + b"\n")
        while line:
            line = line[os.write(self._descriptor, line) :]

    def close(self) -> None:
        """Wait until all of it is on the disk, and close it."""
        try:
            os.fsync(self._descriptor)
        finally:
            os.close(self._descriptor)


def records_in(path: Path) -> Iterator[Record]:
    """Yield the whole lines of a file that may not exist."""
    if path.exists():
        data = path.read_bytes()
        for line in data[: _whole_lines(data)].splitlines():
            yield json.loads(line)


def _whole_lines(data: bytes) -> int:
    return data.rfind(b"\n") + 1

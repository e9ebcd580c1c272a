"""What earlier jobs of this machine delivered whole, for a job that is to leave it out."""

from __future__ import annotations

from collections.abc import Iterable

from adit_cli.engine.folders import StateFolder
from adit_cli.engine.report import open_reader


def delivered_by(state: StateFolder, jobs: Iterable[str]) -> frozenset[str]:
    """Return the Study Instance UIDs; UsageError where no job of this name ever ran."""
    found: set[str] = set()
    for name in jobs:
        with open_reader(state.job(name)) as reader:
            found |= reader.delivered()
    return frozenset(found)

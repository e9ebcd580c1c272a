"""What the checks across a job file look at, and what one of them finds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from adit_cli.jobfile.job import JobFile
from adit_cli.jobfile.node import NodeSpec
from adit_cli.jobfile.problems import Loc

Finding: TypeAlias = tuple[Loc, str]
"""Where it looks wrong, and why."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A job file whose parts are sound, and the nodes it can name."""

    job: JobFile
    nodes: dict[str, NodeSpec]
    names: frozenset[str]
    """Names of all nodes, those included that have a problem of their own."""
    piped: bool
    """Whether UIDs come from standard input."""
    dash: bool
    """Whether the job file says so too."""
    folder: Path
    """Where the job file is."""

    def node(self, reference: str | NodeSpec) -> NodeSpec | None:
        """Return what a source or destination refers to, None if nothing is known by this name."""
        return self.nodes.get(reference) if isinstance(reference, str) else reference

"""Whether the windows of a job's nodes leave any time in which it could run."""

from __future__ import annotations

from collections.abc import Iterator

from adit_cli.jobfile.node import NodeSpec, ServerNode
from adit_cli.jobfile.subject import Finding, Subject
from adit_cli.jobfile.window import Windows, week_of

NEVER_MEET = (
    "no study could ever move: its limits.window is never open while those of the source and of the other "
    "destinations are"
)


def windows_meet(subject: Subject) -> Iterator[Finding]:
    """Find sources and destinations that are never open at the same time."""
    for source in subject.job.source:
        common = week_of(_windows(subject.node(source)))
        for at, destination in enumerate(subject.job.destinations):
            common &= week_of(_windows(subject.node(destination)))
            if not common:
                yield ("destinations", at), NEVER_MEET
                break


def _windows(node: NodeSpec | None) -> Windows:
    return node.limits.window if isinstance(node, ServerNode) else ()

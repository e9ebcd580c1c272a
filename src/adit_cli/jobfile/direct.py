"""Whether a job may let its source send straight to its destination: nothing can be changed on that way."""

from __future__ import annotations

from collections.abc import Sequence

from adit_cli.jobfile.job import JobParts
from adit_cli.jobfile.node import NodeSpec, ServerNode


def why_not_direct(job: JobParts, sources: Sequence[NodeSpec], destinations: Sequence[NodeSpec]) -> str:
    """Return what keeps a job with `direct: true` from that; nothing if it is possible."""
    if job.pseudonyms or job.trial or (job.deidentify and job.deidentify.profile != "none"):
        return "cannot be: what the job changes has to come through here; leave out `direct`"
    if len(destinations) != 1:
        return "needs a single destination"
    if not all(_speaks_dimse(node) for node in (*sources, *destinations)):
        return "needs DICOM servers with `dimse:` on both sides: it is done with C-MOVE"
    return ""


def _speaks_dimse(node: NodeSpec) -> bool:
    return isinstance(node, ServerNode) and node.dimse is not None

"""Share each server's association limit among the workers of a run. Pure arithmetic.

A worker keeps its associations from task to task, so what one may open must not depend on the others giving
theirs back.
"""

from __future__ import annotations

from adit_cli.jobfile.job import Job
from adit_cli.jobfile.node import Limits, NodeSpec, ServerNode


def most_workers(job: Job) -> int | None:
    """Return how many workers the limits of the job's servers let work at once; None where none limits."""
    nodes = (job.node(name) for name in (*job.source, *job.destinations))
    return min((node.limits.associations for node in nodes if isinstance(node, ServerNode)), default=None)


def share(job: Job, workers: int) -> dict[str, NodeSpec]:
    """Return the job's nodes as one of so many workers may use them, with at least one association each."""
    return {name: _shared(spec, workers) for name, spec in job.nodes.items()}


def _shared(spec: NodeSpec, workers: int) -> NodeSpec:
    if not isinstance(spec, ServerNode):
        return spec
    associations = max(1, spec.limits.associations // workers)
    return spec.model_copy(update={"limits": Limits(associations=associations)})

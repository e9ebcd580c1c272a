"""Share each server's association limit among the workers of a run. Pure arithmetic.

A worker keeps its associations from task to task, so what one may open must not depend on the others giving
theirs back.
"""

from __future__ import annotations

from collections.abc import Mapping

from adit_cli.jobfile.job import Job
from adit_cli.jobfile.node import NodeSpec, ServerNode


def servers(job: Job) -> dict[str, ServerNode]:
    """Return the servers among the nodes that the job uses, by name."""
    nodes = {name: job.node(name) for name in (*job.source, *job.destinations)}
    return {name: node for name, node in nodes.items() if isinstance(node, ServerNode)}


def most_workers(job: Job) -> int | None:
    """Return how many workers the limits of the job's servers let work at once; None where none limits."""
    return min((server.limits.associations for server in servers(job).values()), default=None)


def workers_of(job: Job, wanted: int | None = None) -> int:
    """Return how many workers there are: as many as wanted, as far as the servers' limits allow."""
    wanted, allowed = wanted or job.run.workers, most_workers(job)
    return wanted if allowed is None else min(wanted, allowed)


def share(server: ServerNode, workers: int) -> int:
    """Return how many associations one of so many workers may open, at least one."""
    return max(1, server.limits.associations // workers)


def limited(job: Job, granted: Mapping[str, int]) -> dict[str, NodeSpec]:
    """Return the job's nodes as a worker may use them to whom so many associations are granted."""
    return {name: _limited(spec, granted.get(name)) for name, spec in job.nodes.items()}


def _limited(spec: NodeSpec, associations: int | None) -> NodeSpec:
    if associations is None or not isinstance(spec, ServerNode):
        return spec
    limits = spec.limits.model_copy(update={"associations": associations})
    return spec.model_copy(update={"limits": limits})

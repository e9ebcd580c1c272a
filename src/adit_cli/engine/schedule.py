"""When a plan would be done: within the windows of the nodes, and as many studies an hour as they take.

What other jobs of the machine do meanwhile is not known, and left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import tzinfo

from adit_cli.engine.shares import servers
from adit_cli.jobfile.job import Job
from adit_cli.jobfile.node import ServerNode
from adit_cli.jobfile.window import NEVER, Windows, together
from adit_cli.nodes.quota import seconds_for
from adit_cli.tasks.planned import PlannedStudy


@dataclass(frozen=True, slots=True)
class Pace:
    """How long the limit of a node makes it take."""

    seconds: float
    node: str
    per_hour: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long the work takes, and when it would be done if it began now."""

    windows: dict[str, tuple[str, ...]]
    """Of the nodes that have some, as they are written."""
    opens: float
    """When the first study may begin."""
    seconds: float | None = None
    """While windows are open; None where nothing tells."""
    pace: Pace | None = None
    """The limit that makes it take so long; None where that is not a limit."""
    at_least: bool = False
    """Whether only the limits tell how long it takes."""
    openings: int = 0
    """How many times windows open till it is done, the present time included."""
    done_by: float | None = None


@dataclass(frozen=True, slots=True)
class _Route:
    """The studies of one source, with what holds them."""

    every: tuple[Windows, ...]
    seconds: float | None
    pace: Pace | None


def schedule(
    job: Job,
    studies: Iterable[PlannedStudy],
    seconds: float | None,
    now: float,
    zone: tzinfo | None = None,
) -> Schedule | None:
    """Return when these studies would be moved, which take so long without limits; None where none counts."""
    sources = [study.task.source for study in studies]
    limited = {name: node for name, node in servers(job).items() if _has_limits(node)}
    used = [name for name in (*dict.fromkeys(sources), *job.destinations) if name in limited]
    if not sources or not used:
        return None
    plans = [_planned(route, now, zone) for route in _routes(job, limited, sources, seconds)]
    windows = {name: _texts(limited[name]) for name in used if limited[name].limits.window}
    if not windows and all(plan.pace is None for plan in plans):
        return None
    last = max(plans, key=lambda plan: plan.done_by or plan.opens)
    return Schedule(
        windows,
        min(plan.opens for plan in plans),
        last.seconds,
        last.pace,
        at_least=seconds is None,
        openings=last.openings,
        done_by=last.done_by,
    )


def _has_limits(node: ServerNode) -> bool:
    return bool(node.limits.window or node.limits.studies_per_hour)


def _texts(node: ServerNode) -> tuple[str, ...]:
    return tuple(window.text for window in node.limits.window)


def _routes(
    job: Job, limited: dict[str, ServerNode], sources: list[str], seconds: float | None
) -> Iterator[_Route]:
    """Yield the way of each source's studies; destinations take those of all sources."""
    for source in dict.fromkeys(sources):
        own, every = sources.count(source), len(sources)
        way = [(name, own) for name in (source,) if name in limited]
        way += [(name, every) for name in job.destinations if name in limited]
        paces = [
            Pace(seconds_for(studies, per_hour), name, per_hour)
            for name, studies in way
            if (per_hour := limited[name].limits.studies_per_hour)
        ]
        slowest = max(paces, key=lambda pace: pace.seconds, default=None)
        working = None if seconds is None else seconds * own / every
        if slowest is not None and slowest.seconds <= (working or 0.0):
            slowest = None
        taking = slowest.seconds if slowest else working
        yield _Route(tuple(limited[name].limits.window for name, _ in way), taking, slowest)


def _planned(route: _Route, now: float, zone: tzinfo | None) -> Schedule:
    opens, _ = together(route.every, now, zone)
    if route.seconds is None or opens == NEVER:
        return Schedule({}, opens)
    left, at, openings = route.seconds, now, 0
    while True:
        begin, end = together(route.every, at, zone)
        openings += 1
        if begin + left <= end:
            return Schedule({}, opens, route.seconds, route.pace, openings=openings, done_by=begin + left)
        left, at = left - (end - begin), end

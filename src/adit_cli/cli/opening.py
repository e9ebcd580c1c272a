"""Open the nodes that a command names, for as long as the command needs them.

Associations with servers of the config count against their limits, beside those of jobs.
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager

import typer

from adit_cli.cli.loading import archive_password, known_nodes, named_node
from adit_cli.cli.settings import settings
from adit_cli.engine.folders import StateFolder, state_folder
from adit_cli.jobfile.addressing import Known, limited_as
from adit_cli.jobfile.node import FolderNode, NodeSpec, ServerNode, label
from adit_cli.jobfile.receiver import order_of
from adit_cli.jobfile.window import openings
from adit_cli.nodes import NodePool
from adit_cli.nodes.base import Destination, Source


@contextmanager
def opened_source(ctx: typer.Context, node: str, aet: str = "", *, most: int | None = 1) -> Generator[Source]:
    """Open a node to find in and fetch from, over at most so many associations, or all that are allowed."""
    config = known_nodes(ctx)
    name, spec = named_node(node, config)
    if isinstance(spec, FolderNode):
        spec = spec.opened_with(archive_password())
    with opened_pool(ctx, {name: spec}, aet, most=most, moves=most is None) as pool:
        yield pool.source(name)


@contextmanager
def opened_destination(ctx: typer.Context, node: str, aet: str = "") -> Generator[Destination]:
    """Open a node to deliver to, over all associations that are allowed."""
    name, spec = named_node(node, known_nodes(ctx))
    with opened_pool(ctx, {name: spec}, aet, most=None, moves=True) as pool:
        yield pool.destination(name)


@contextmanager
def opened_pool(
    ctx: typer.Context,
    nodes: Mapping[str, NodeSpec],
    aet: str,
    *,
    most: int | None = 1,
    moves: bool = False,
) -> Generator[NodePool]:
    """Have nodes that can be opened; where their limits are used up, this waits for its turn.

    Windows hold jobs only; who moves images beside them is told that it is outside of one.
    """
    config = known_nodes(ctx)
    counted = _counted(nodes, config)
    if moves and settings(ctx).verbosity >= 0:
        _tell_of_windows(counted)
    state = state_folder(settings(ctx).state_dir, os.environ)
    receiver = order_of(state.inbox, config.receiver, config.calling_ae_title)
    with (
        _turn(state, nodes, counted, most) as limited,
        NodePool(limited, aet or config.calling_ae_title, receiver, aside=state.unpacked) as pool,
    ):
        yield pool


def _counted(nodes: Mapping[str, NodeSpec], config: Known) -> dict[str, ServerNode]:
    """Return the nodes that have limits and windows, as the config knows them."""
    return {
        name: found
        for name, spec in nodes.items()
        if isinstance(spec, ServerNode) and (found := limited_as(name, spec, config)) is not None
    }


@contextmanager
def _turn(
    state: StateFolder, nodes: Mapping[str, NodeSpec], counted: dict[str, ServerNode], most: int | None
) -> Generator[Mapping[str, NodeSpec]]:
    if not counted:
        yield nodes
        return
    from adit_cli.nodes.turns import turn_at  # noqa: PLC0415  only for nodes that are shared

    shown = {label(server): _in_use(name, server) for name, server in reversed(counted.items())}
    limits = {label(server): server.limits.associations for server in counted.values()}
    state.create()
    with turn_at(state.slots, limits, most, lambda address: typer.echo(shown[address], err=True)) as granted:
        yield {name: _with_associations(spec, counted.get(name), granted) for name, spec in nodes.items()}


def _tell_of_windows(counted: Mapping[str, ServerNode]) -> None:
    now = time.time()
    for name, server in counted.items():
        if next(openings(server.limits.window, now))[0] > now:
            shown = ", ".join(window.text for window in server.limits.window)
            typer.echo(f"{name}: outside its window for jobs ({shown}); this goes on all the same", err=True)


def _in_use(name: str, server: ServerNode) -> str:
    limit = server.limits.associations
    what = "its only association is" if limit == 1 else f"all {limit} associations that its limit allows are"
    return f"{name}: {what} in use on this machine; waiting for one"


def _with_associations(spec: NodeSpec, counted: ServerNode | None, granted: Mapping[str, int]) -> NodeSpec:
    if counted is None or not isinstance(spec, ServerNode):
        return spec
    limits = counted.limits.model_copy(update={"associations": granted[label(counted)]})
    return spec.model_copy(update={"limits": limits})

"""Open the node that a command names, for as long as the command needs it."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager

import typer

from adit_cli.cli.loading import archive_password, known_nodes, named_node
from adit_cli.cli.settings import settings
from adit_cli.engine.folders import state_folder
from adit_cli.jobfile.node import FolderNode
from adit_cli.jobfile.receiver import order_of
from adit_cli.nodes import NodePool
from adit_cli.nodes.base import Destination, Source


@contextmanager
def opened_source(ctx: typer.Context, node: str, aet: str = "") -> Generator[Source]:
    """Open a node to find in and fetch from."""
    with _pool(ctx, node, aet, archive_password()) as (name, pool):
        yield pool.source(name)


@contextmanager
def opened_destination(ctx: typer.Context, node: str, aet: str = "") -> Generator[Destination]:
    """Open a node to deliver to."""
    with _pool(ctx, node, aet) as (name, pool):
        yield pool.destination(name)


@contextmanager
def _pool(ctx: typer.Context, node: str, aet: str, password: str = "") -> Generator[tuple[str, NodePool]]:
    config = known_nodes(ctx)
    name, spec = named_node(node, config)
    if isinstance(spec, FolderNode):
        spec = spec.opened_with(password)
    state = state_folder(settings(ctx).state_dir, os.environ)
    receiver = order_of(state.inbox, config.receiver, config.calling_ae_title)
    pool = NodePool({name: spec}, aet or config.calling_ae_title, receiver, aside=state.unpacked)
    try:
        yield name, pool
    finally:
        pool.close()

"""`adit nodes`: the nodes of the user's config."""

from __future__ import annotations

from typing import Annotated

import typer

from adit_cli.cli.loading import named_node, user_config
from adit_cli.cli.options import AetOption, FormatOption, NodeArgument
from adit_cli.cli.output import show_rows
from adit_cli.cli.reaching import reach_all
from adit_cli.cli.settings import new_app, settings
from adit_cli.cli.table import Column
from adit_cli.jobfile.config import Config
from adit_cli.jobfile.edit import add_node, config_to_edit, remove_node
from adit_cli.jobfile.node import FolderNode, label

EXAMPLES = (
    "adit nodes add pacs CLINICAL@pacs.example.org:104",
    "adit nodes add archive /data/archive/",
    "adit nodes test",
)
app = new_app()


@app.callback(no_args_is_help=True)
def nodes() -> None:
    """List, add, remove and test the nodes of your config, so that a short name stands for an address."""


@app.command("list")
def list_nodes(ctx: typer.Context, *, output: FormatOption = None) -> None:
    """List the nodes of your config."""
    config = user_config(ctx)
    rows = [
        {"name": name, "kind": "folder" if isinstance(node, FolderNode) else "server", "address": label(node)}
        for name, node in config.nodes.items()
    ]
    if not rows:
        typer.echo(f"no nodes yet in {config_to_edit(settings(ctx).config)}", err=True)
    show_rows(
        rows,
        {"name": Column("Name"), "kind": Column("Kind"), "address": Column("Address")},
        output,
        uid="name",
    )


@app.command()
def add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What you call it.")],
    address: Annotated[
        str, typer.Argument(metavar="ADDRESS", help="AET@host:port, a URL, or a folder's path.")
    ],
) -> None:
    """Add a node to your config; what else is written there stays as it is."""
    path = config_to_edit(settings(ctx).config)
    add_node(path, name, named_node(address, Config())[1])
    typer.echo(f"added {name} to {path}; try: adit echo {name}", err=True)


@app.command()
def remove(ctx: typer.Context, node: NodeArgument) -> None:
    """Remove a node from your config."""
    path = config_to_edit(settings(ctx).config)
    remove_node(path, node)
    typer.echo(f"removed {node} from {path}", err=True)


@app.command("test")
def ask_all(ctx: typer.Context, *, aet: AetOption = "") -> None:
    """Ask every node of your config whether it answers."""
    config = user_config(ctx)
    if not reach_all(config.nodes, aet or config.calling_ae_title):
        raise typer.Exit(6)

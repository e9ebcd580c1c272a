"""`adit move`: have a server send studies to another one."""

from __future__ import annotations

from typing import Annotated

import typer

from adit_cli.cli.loading import known_nodes, named_node, uids_of
from adit_cli.cli.moving import watch_move
from adit_cli.cli.opening import opened_pool
from adit_cli.cli.options import AetOption, NodeArgument
from adit_cli.cli.settings import new_app, settings
from adit_cli.errors import UsageError
from adit_cli.jobfile.addressing import Known
from adit_cli.jobfile.node import DimsePeer, NodeSpec, ServerNode
from adit_cli.tasks.download import requests_for
from adit_cli.tasks.forwarding import Target

EXAMPLES = (
    "adit move pacs 1.2.840.1 --to research",
    "adit move PACS@pacs.example.org:104 1.2.840.1 --series 1.2.840.1.2 --to WORKSTATION",
    "adit query pacs --modality MR --date 2024 --format uid | adit move pacs - --to research",
)
app = new_app()
ToOption = Annotated[
    str,
    typer.Option("--to", metavar="AE", help="An AE title that NODE knows, or a node of your config."),
]


@app.command()
def move(
    ctx: typer.Context,
    node: NodeArgument,
    uids: Annotated[
        list[str] | None, typer.Argument(metavar="UID|-", help="Study Instance UIDs; - reads them.")
    ] = None,
    *,
    to: ToOption,
    series: Annotated[
        list[str] | None,
        typer.Option("--series", metavar="UID|-", help="Only this series; repeat it, or - to read them."),
    ] = None,
    aet: AetOption = "",
) -> None:
    """Ask a server to send studies, or some of their series, to another one (C-MOVE); none comes here.

    With a node of your config as AE, that one is asked afterwards whether all is there, and what is there
    already is not sent again. Otherwise what NODE says must do. What is missing is named (exit code 3).
    """
    if not uids and not series:
        raise UsageError("which studies?", hint="name their UIDs, or - to read them from standard input")
    config = known_nodes(ctx)
    name, spec = named_node(node, config)
    ae_title, there = _target(to, config)
    studies, only = uids_of(ctx, uids or []), uids_of(ctx, series or [])
    with opened_pool(ctx, {name: spec, **there}, aet, moves=True) as pool:
        source = pool.source(name)
        wanted = requests_for(source, studies, only)
        target = Target(ae_title, pool.source(to) if there else None)
        complete = watch_move(source, wanted, target, quiet=settings(ctx).verbosity < 0)
    if not complete or settings(ctx).refused:
        raise typer.Exit(3)


def _target(to: str, config: Known) -> tuple[str, dict[str, NodeSpec]]:
    """Return the AE title to send to, and the node that it is, where the config has it."""
    match config.nodes.get(to):
        case ServerNode(dimse=DimsePeer() as peer) as node:
            calling = peer.calling_ae_title or config.calling_ae_title  # --aet is for NODE
            peer = peer.model_copy(update={"calling_ae_title": calling})
            return peer.ae_title, {to: node.model_copy(update={"dimse": peer})}
        case None if 0 < len(to) <= 16:  # noqa: PLR2004 - an AE title (PS3.5 §6.2)
            return to, {}
        case _:
            raise UsageError(
                f"--to {to} names neither an AE title nor a DICOM server",
                hint="an AE title has at most 16 characters; a node of your config needs `dimse:`",
            )

"""`adit get`: fetch studies into a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from adit_cli.cli.display import Style
from adit_cli.cli.loading import known_nodes, named_node, uids_of
from adit_cli.cli.opening import opened_source
from adit_cli.cli.options import AetOption, NodeArgument, ProgressOption
from adit_cli.cli.settings import new_app, settings
from adit_cli.cli.watching import watch_fetch
from adit_cli.errors import UsageError
from adit_cli.tasks.download import requests_for

EXAMPLES = (
    "adit get pacs 1.2.840.1 -o out",
    "adit get PACS@pacs.example.org:104 1.2.840.1 --series 1.2.840.1.2 -o out",
    "adit query pacs --modality MR --date 2024 --format uid | adit get pacs - -o out",
)
app = new_app()


@app.command()
def get(
    ctx: typer.Context,
    node: NodeArgument,
    uids: Annotated[
        list[str] | None, typer.Argument(metavar="UID|-", help="Study Instance UIDs; - reads them.")
    ] = None,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder to fetch into.")],
    series: Annotated[
        list[str] | None,
        typer.Option("--series", metavar="UID|-", help="Only this series; repeat it, or - to read them."),
    ] = None,
    no_sync: Annotated[
        bool,
        typer.Option(
            "--no-sync",
            help="Don't wait until files are safe on the disk: faster; a restart makes them count as lost.",
        ),
    ] = False,
    progress: ProgressOption = Style.AUTO,
    aet: AetOption = "",
) -> None:
    """Fetch studies, or only some of their series, into a folder.

    Files arrive as the node sends them, as DIR/<StudyInstanceUID>/<SOPInstanceUID>.dcm; what is there
    already is not fetched again. The node's own list is compared with what arrived, and what is missing is
    named (exit code 3). A study is complete when its files are safe on the disk.
    """
    if not uids and not series:
        raise UsageError("which studies?", hint="name their UIDs, or - to read them from standard input")
    named_node(node, known_nodes(ctx))
    studies, only = uids_of(ctx, uids or []), uids_of(ctx, series or [])
    with opened_source(ctx, node, aet, most=None) as source:
        wanted = requests_for(source, studies, only)
        complete = watch_fetch(source, wanted, output, progress, sync=not no_sync)
    if not complete or settings(ctx).refused:
        raise typer.Exit(3)

"""`adit send`: send files to a node."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from adit_cli.cli.display import Style
from adit_cli.cli.loading import archive_password
from adit_cli.cli.opening import opened_destination
from adit_cli.cli.options import AetOption, NodeArgument, ProgressOption
from adit_cli.cli.sending import watch_send
from adit_cli.cli.settings import new_app, settings
from adit_cli.engine.folders import state_folder
from adit_cli.errors import UsageError
from adit_cli.nodes.opened_archives import OpenedArchives
from adit_cli.tasks.upload import collect

EXAMPLES = (
    "adit send research images/",
    "adit send RESEARCH@pacs2.example.org:104 a.dcm b.dcm",
    "adit send archive/ images/ disc.zip",
)
app = new_app()


@app.command()
def send(
    ctx: typer.Context,
    node: NodeArgument,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Files, folders and archives.")],
    *,
    progress: ProgressOption = Style.AUTO,
    aet: AetOption = "",
) -> None:
    """Send files to a node as they are, study after study.

    Archives (zip, 7z, tar) are sent like folders; they are unpacked into the state folder meanwhile. The
    password of encrypted ones is read from $ADIT_ARCHIVE_PASSWORD.
    Only the kinds of images that the files hold are proposed to the node. What it accepts is counted, what it
    refuses is named with the reason (exit code 3). Files of a folder that are not DICOM are passed over.
    """
    state = state_folder(settings(ctx).state_dir, os.environ)
    with OpenedArchives(state.unpacked, archive_password()) as archives:
        outbox = collect(paths, archives)
        if not outbox.files and not outbox.refused:
            raise UsageError("there are no DICOM files here", hint="name files, or folders that hold some")
        with opened_destination(ctx, node, aet) as destination:
            complete = watch_send(destination, outbox, progress, archives.shown)
    if not complete:
        raise typer.Exit(3)

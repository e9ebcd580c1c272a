"""`adit echo`: does a node answer, and how."""

from __future__ import annotations

import typer

from adit_cli.cli.loading import known_nodes, named_node
from adit_cli.cli.options import AetOption, NodeArgument
from adit_cli.cli.output import write
from adit_cli.cli.reaching import reach
from adit_cli.cli.settings import new_app

EXAMPLES = (
    "adit echo pacs",
    "adit echo CLINICAL@pacs.example.org:104 --aet RESEARCH1",
    "adit echo https://pacs.example.org/dicom-web",
)
app = new_app()


@app.command()
def echo(ctx: typer.Context, node: NodeArgument, *, aet: AetOption = "") -> None:
    """Ask a node whether it answers (C-ECHO, QIDO-RS), how fast, and which services it offers us.

    A node with both protocols is asked by both. A refusal is told in words: a PACS must know our AE title
    before it lets us in.
    """
    config = known_nodes(ctx)
    name, spec = named_node(node, config)
    for line in reach(name, spec, aet or config.calling_ae_title):
        write(line)

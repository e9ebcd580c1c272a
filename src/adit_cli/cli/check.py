"""`adit check`: validate job files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from adit_cli.cli.description import describe
from adit_cli.cli.job_files import check_job
from adit_cli.cli.options import VarOption
from adit_cli.cli.settings import new_app
from adit_cli.errors import AditError
from adit_cli.tasks.inputs import read_inputs

EXAMPLES = (
    "adit check lung.yaml",
    "adit check examples/pipelines/*.yaml",
    "adit check nightly.yaml --var DAY=2024-01-31",
)
app = new_app()


@app.command()
def check(
    ctx: typer.Context,
    jobs: Annotated[list[Path], typer.Argument(metavar="JOB.yaml", help="Job files.")],
    *,
    var: VarOption = None,
) -> None:
    """Validate job files without touching the network, and say in words what each of them does.

    All errors are shown at once, each with file, line and column. Cohorts and pseudonym maps are read too.
    """
    problems = 0
    for path in jobs:
        try:
            job = check_job(ctx, path, var)
            inputs = read_inputs(job)
            typer.echo(describe(job))
            for warning in inputs.warnings:
                typer.echo(f"warning: {warning}", err=True)
        except AditError as error:
            problems += 1
            typer.echo(error.message, err=True)
            if error.hint:
                typer.echo(f"      {error.hint}", err=True)
    if problems:
        raise typer.Exit(2)

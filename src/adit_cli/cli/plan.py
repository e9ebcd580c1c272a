"""`adit plan`: what a job would move."""

from __future__ import annotations

import os

import typer

from adit_cli.cli.job_files import read_job
from adit_cli.cli.options import FailIfEmptyOption, FormatOption, JobFileArgument, UidsOption, VarOption
from adit_cli.cli.planning import on_lookup, show_plan
from adit_cli.cli.settings import new_app, settings
from adit_cli.engine.folders import state_folder
from adit_cli.engine.preview import preview

EXAMPLES = (
    "adit plan lung.yaml",
    "adit plan lung.yaml --format uid > studies.txt",
    "adit plan lung.yaml --format tsv 2> without-a-match.txt",
)
app = new_app()


@app.command()
def plan(
    ctx: typer.Context,
    job: JobFileArgument,
    *,
    var: VarOption = None,
    uids: UidsOption = "",
    output: FormatOption = None,
    fail_if_empty: FailIfEmptyOption = False,
) -> None:
    """Ask the source what a job selects, and show what would move: one line a study.

    Nothing moves and nothing is remembered. Rows without a match, the totals and what each rule keeps out go
    to standard error. `--format uid` prints the Study Instance UIDs that would move.
    """
    loaded = read_job(ctx, job, var, uids)
    found = preview(loaded, state_folder(settings(ctx).state_dir, os.environ), on_lookup)
    show_plan(loaded, found, output)
    if fail_if_empty and not found.plan.studies:
        raise typer.Exit(4)

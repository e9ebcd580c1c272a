"""`adit plan`: what a job would move."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from adit_cli.cli.estimating import estimate_object
from adit_cli.cli.job_files import read_job
from adit_cli.cli.options import (
    FailIfEmptyOption,
    FormatOption,
    JobFileArgument,
    NoCacheOption,
    UidsOption,
    VarOption,
)
from adit_cli.cli.planning import on_lookup, show_batch, show_plan
from adit_cli.cli.settings import new_app, settings
from adit_cli.engine.fixed import FixedPlan, check_place, write_plan
from adit_cli.engine.folders import state_folder
from adit_cli.engine.preview import keep, preview
from adit_cli.engine.shares import workers_of

EXAMPLES = (
    "adit plan lung.yaml",
    "adit plan lung.yaml --format uid > studies.txt",
    "adit plan lung.yaml --format tsv 2> without-a-match.txt",
    "adit plan lung.yaml --output plan.json && adit transfer plan.json",
    "adit plan lung.yaml --csv > found.csv",
)
app = new_app()

PlanOption = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="FILE.json", help="Keep the plan, for `adit transfer FILE.json` to run it."
    ),
]
CsvOption = Annotated[
    bool,
    typer.Option("--csv", help="Print the cohort's table as CSV, with what the sources have for each row."),
]


@app.command()
def plan(
    ctx: typer.Context,
    job: JobFileArgument,
    *,
    var: VarOption = None,
    uids: UidsOption = "",
    output: PlanOption = None,
    csv: CsvOption = False,
    form: FormatOption = None,
    no_cache: NoCacheOption = False,
    fail_if_empty: FailIfEmptyOption = False,
) -> None:
    """Ask the sources what a job selects, and show what would move: one line a study.

    Nothing moves; UIDs and numbers are kept to tell what changed by the next plan. Rows without a match, the
    totals, size and time expected and what each rule keeps out go to standard error. `--format uid` prints
    the Study Instance UIDs that would move; `--output` fixes them for `adit transfer plan.json`.
    """
    if output is not None:
        check_place(output)
    loaded = read_job(ctx, job, var, uids)
    state = state_folder(settings(ctx).state_dir, os.environ)
    found = preview(loaded, state, on_lookup, workers=workers_of(loaded), cached=not no_cache)
    keep(loaded, state, found)
    if output is not None:
        write_plan(output, FixedPlan(loaded.path, found.pinned()), estimate_object(found.estimate))
    if csv:
        show_batch(loaded, found)
    else:
        show_plan(loaded, found, form)
    if fail_if_empty and not found.plan.studies:
        raise typer.Exit(4)
    if found.plan.is_cut or settings(ctx).refused:
        raise typer.Exit(3)

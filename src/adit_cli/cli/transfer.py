"""`adit transfer`: run a job."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from adit_cli.cli.display import Style, open_display
from adit_cli.cli.job_files import read_job
from adit_cli.cli.loading import seconds
from adit_cli.cli.options import (
    FailIfEmptyOption,
    JobFileArgument,
    NoCacheOption,
    ProgressOption,
    UidsOption,
    VarOption,
)
from adit_cli.cli.planning import on_lookup, show_plan
from adit_cli.cli.records import unresolved_of
from adit_cli.cli.sentences import end_of_run
from adit_cli.cli.settings import new_app, settings
from adit_cli.engine.ending import SOME_FAILED
from adit_cli.engine.fixed import fixed, read_plan
from adit_cli.engine.folders import state_folder
from adit_cli.engine.preview import preview
from adit_cli.engine.run import RunOptions, run_job
from adit_cli.engine.shares import workers_of
from adit_cli.engine.transfers import TRANSFERS

EXAMPLES = (
    "adit transfer lung.yaml",
    "adit transfer lung.yaml --dry-run",
    "adit plan lung.yaml --output plan.json && adit transfer plan.json",
    "adit transfer lung.yaml --retry failure --retry incomplete",
    "adit query pacs --date yesterday --format uid | adit transfer nightly.yaml --uids -",
)
app = new_app()

DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only show what would move, as `adit plan`.")]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        "--workers", "-w", min=1, max=64, metavar="N", help="Studies at a time.  [default: the job's]"
    ),
]
RetryOption = Annotated[
    list[str] | None,
    typer.Option(
        "--retry",
        metavar="STATUS|REASON",
        help="Try again what ended so in earlier runs: failure, warning, timeout, incomplete ...; repeat it.",
    ),
]
AgainOption = Annotated[bool, typer.Option("--again", help="Do everything again, what succeeded too.")]
StopOption = Annotated[
    str,
    typer.Option(
        "--stop-after", metavar="TIME", help="Start nothing new after 30m, 2h ...; run again to go on."
    ),
]
WaitOption = Annotated[
    bool | None,
    typer.Option(
        "--wait/--no-wait",
        help="Wait for windows of nodes that are closed, or stop there (exit code 5).  [default: the job's]",
        show_default=False,
    ),
]


@app.command()
def transfer(
    ctx: typer.Context,
    job: JobFileArgument,
    *,
    dry_run: DryRunOption = False,
    workers: WorkersOption = None,
    var: VarOption = None,
    uids: UidsOption = "",
    retry: RetryOption = None,
    again: AgainOption = False,
    stop_after: StopOption = "",
    wait: WaitOption = None,
    no_cache: NoCacheOption = False,
    progress: ProgressOption = Style.AUTO,
    fail_if_empty: FailIfEmptyOption = False,
) -> None:
    """Run a job: find what it selects, fetch it, change it as the rules say, and deliver it.

    What is done stays done: run the same command again after Ctrl-C, a crash or a changed cohort, and only
    what is left is moved. `adit status` shows what became of each study. With a plan that
    `adit plan --output` made, just its studies move, and what has changed since is told.
    """
    plan = read_plan(job)
    loaded = read_job(ctx, plan.job if plan else job, var, uids)
    parts = fixed(TRANSFERS, plan) if plan else TRANSFERS
    state = state_folder(settings(ctx).state_dir, os.environ)
    if dry_run:
        found = preview(
            loaded, state, on_lookup, parts, workers=workers_of(loaded, workers), cached=not no_cache
        )
        show_plan(loaded, found, None)
        raise typer.Exit(SOME_FAILED if found.plan.is_cut or settings(ctx).refused else 0)
    until = seconds(stop_after, "--stop-after")
    options = RunOptions(state, workers, tuple(retry or ()), again, not no_cache, until, wait)
    display = open_display(progress)
    try:
        ended = run_job(loaded, options, display.show, parts)
    finally:
        display.close()
    if settings(ctx).verbosity >= 0 or (ended.exit_code and progress is Style.NONE):
        typer.echo("\n".join([end_of_run(ended), *unresolved_of(state.job(loaded.name))]), err=True)
    if fail_if_empty and not ended.counts:
        raise typer.Exit(4)
    raise typer.Exit(ended.exit_code or (SOME_FAILED if settings(ctx).refused else 0))

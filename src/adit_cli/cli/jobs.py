"""`adit jobs`: the jobs this machine knows."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from adit_cli.cli.loading import job_name
from adit_cli.cli.options import FormatOption, JobArgument
from adit_cli.cli.output import write
from adit_cli.cli.records import problem_lines, show_jobs, summary_lines
from adit_cli.cli.settings import new_app, settings
from adit_cli.engine.folders import JobFolder, state_folder
from adit_cli.engine.report import open_reader, summaries
from adit_cli.engine.retire import forget, require, stop_run
from adit_cli.tasks.task import TaskStatus

EXAMPLES = ("adit jobs list", "adit jobs show lung-ct-2024", "adit jobs cancel lung-ct-2024")
app = new_app()
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.callback(no_args_is_help=True)
def jobs() -> None:
    """List, show, stop and forget the jobs that have run on this machine."""


def _folder(ctx: typer.Context, job: str) -> JobFolder:
    return state_folder(settings(ctx).state_dir, os.environ).job(job_name(job))


@app.command("list")
def list_jobs(ctx: typer.Context, *, output: FormatOption = None) -> None:
    """List every job with its counts."""
    state = state_folder(settings(ctx).state_dir, os.environ)
    show_jobs(summaries(state), output)


@app.command()
def show(ctx: typer.Context, job: JobArgument) -> None:
    """Show one job: how far it is, what went wrong, and where its state is kept."""
    folder = _folder(ctx, job)
    with open_reader(folder) as reader:
        write("\n".join(summary_lines(reader.summary())))
        failed = reader.tasks((TaskStatus.FAILURE, TaskStatus.WARNING))
        write("\n".join(problem_lines(failed, reader.unresolved())))
    write(f"state: {folder.path}")


@app.command()
def cancel(ctx: typer.Context, job: JobArgument) -> None:
    """Stop a running job where it can go on later: what is done stays done."""
    pid = stop_run(_folder(ctx, job))
    typer.echo(f"asked process {pid} to stop; run the job again to go on", err=True)


@app.command("forget")
def forget_job(ctx: typer.Context, job: JobArgument, *, yes: YesOption = False) -> None:
    """Forget what a job has done, and its own key: pseudonyms made with it cannot be made again."""
    folder = _folder(ctx, job)
    require(folder)
    if not yes:
        typer.confirm(f"Forget everything about {folder.path.name}, its key included?", abort=True, err=True)
    forget(folder)
    typer.echo(f"forgot {folder.path.name}", err=True)

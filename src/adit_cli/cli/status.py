"""`adit status`: how far a job is, and what went wrong."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from adit_cli.cli.completion import complete_job
from adit_cli.cli.loading import job_name
from adit_cli.cli.options import FormatOption
from adit_cli.cli.output import show_rows, write
from adit_cli.cli.records import (
    TASK_COLUMNS,
    problem_lines,
    row_columns,
    show_jobs,
    summary_lines,
    task_row,
)
from adit_cli.cli.settings import new_app, settings
from adit_cli.engine.folders import state_folder
from adit_cli.engine.report import open_reader, summaries
from adit_cli.tasks.task import TaskStatus

EXAMPLES = (
    "adit status",
    "adit status lung-ct-2024 --failed",
    "adit status lung.yaml --format tsv > studies.tsv",
)
app = new_app()
FAILED = (TaskStatus.FAILURE, TaskStatus.WARNING)
FailedOption = Annotated[
    bool, typer.Option("--failed", help="What went wrong: each study with its reason, and what to do.")
]
NameArgument = Annotated[
    str,
    typer.Argument(
        metavar="JOB", help="A job's name or file; all jobs if left out.", autocompletion=complete_job
    ),
]


@app.command()
def status(
    ctx: typer.Context, job: NameArgument = "", *, failed: FailedOption = False, output: FormatOption = None
) -> None:
    """Show how far a job is: how many studies ended how, and with --failed each that needs a person's eye.

    With --format every study is listed with its status, reason and counts. Works while the job runs.
    """
    state = state_folder(settings(ctx).state_dir, os.environ)
    if not job:
        show_jobs(summaries(state), output)
        return
    with open_reader(state.job(job_name(job))) as reader:
        if output:
            records = reader.tasks(FAILED if failed else ())
            several = reader.tables > 1
            rows = [
                {**task_row(one), **row_columns(reader.inputs(one.rows), several=several)} for one in records
            ]
            show_rows(rows, TASK_COLUMNS, output, uid="study_uid")
            return
        write("\n".join(summary_lines(reader.summary())))
        if failed:
            write("\n".join(problem_lines(reader.tasks(FAILED), reader.unresolved())))

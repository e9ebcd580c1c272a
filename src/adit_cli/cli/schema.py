"""`adit schema`: the job file's JSON Schema."""

from __future__ import annotations

import json

import typer

from adit_cli.cli.settings import new_app
from adit_cli.jobfile.schema import job_schema

EXAMPLES = (
    "adit schema > adit-job.schema.json",
    "# then, as the first line of a job file, for editors that complete and check YAML:",
    "# yaml-language-server: $schema=adit-job.schema.json",
)
app = new_app()


@app.command()
def schema() -> None:
    """Print the JSON Schema of the job file, so that an editor completes and checks what you write."""
    typer.echo(json.dumps(job_schema(), indent=2))

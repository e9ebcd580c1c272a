"""Read the job file that a command names, with the user's config and variables."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import typer

from adit_cli.cli.loading import read_uids, user_config
from adit_cli.errors import UsageError
from adit_cli.jobfile.job import Job
from adit_cli.jobfile.load import load_job
from adit_cli.jobfile.values import PIPED_LATER


def read_job(ctx: typer.Context, path: Path, var: Iterable[str] | None = None, uids: str = "") -> Job:
    """Return the job; `uids` names where further study UIDs are, `-` for standard input.

    Standard input is read also where only the job says `-`, unless it is a person's keyboard.
    """
    is_pipe = sys.stdin is not None and not sys.stdin.isatty()
    later = partial(read_uids, ctx, "-") if is_pipe else None
    piped = read_uids(ctx, uids) if uids else later
    return load_job(path, variables=variables(var or ()), config=user_config(ctx), stdin_uids=piped)


def check_job(ctx: typer.Context, path: Path, var: Iterable[str] | None = None) -> Job:
    """Return the job without the UIDs that will only be piped in when it runs."""
    return load_job(path, variables=variables(var or ()), config=user_config(ctx), stdin_uids=PIPED_LATER)


def variables(texts: Iterable[str]) -> dict[str, str]:
    """Return what `--var NAME=VALUE` defines."""
    pairs = [text.partition("=") for text in texts]
    for name, equals, _ in pairs:
        if not equals or not name.isidentifier():
            raise UsageError("--var must be NAME=VALUE", hint="as in --var DAY=2024-01-31")
    return {name: value for name, _, value in pairs}

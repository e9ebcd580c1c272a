"""What the shell offers after TAB. A mistake in the config offers nothing; it is told when a command runs."""

from __future__ import annotations

import os
from contextlib import suppress

import typer

from adit_cli.cli.settings import settings
from adit_cli.errors import AditError


def complete_node(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names of the config's nodes that begin like this; folders are the shell's own matter."""
    from adit_cli.cli.loading import known_nodes  # noqa: PLC0415  pydantic only where TAB needs it

    with suppress(AditError):
        return [name for name in known_nodes(ctx).nodes if name.startswith(incomplete)]
    return []


def complete_job(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names of the jobs in the state folder that begin like this."""
    from adit_cli.engine.folders import state_folder  # noqa: PLC0415  as above

    jobs = state_folder(settings(ctx).state_dir, os.environ).jobs()
    return [job.path.name for job in jobs if job.path.name.startswith(incomplete)]


def complete_keyword(incomplete: str) -> list[str]:
    """Return the usual keywords that begin like this."""
    from adit_cli.cli.columns import TITLES  # noqa: PLC0415  as above

    return [keyword for keyword in TITLES if keyword.startswith(incomplete)]

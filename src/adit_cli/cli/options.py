"""Arguments and options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from adit_cli.cli.completion import complete_job, complete_node
from adit_cli.cli.display import Style
from adit_cli.cli.output import Format
from adit_cli.cli.settings import settings
from adit_cli.errors import UsageError

LONGEST_AET = 16
NodeArgument = Annotated[
    str,
    typer.Argument(
        metavar="NODE",
        help="A name from your config, AET@host:port, a URL, or a folder's path.",
        autocompletion=complete_node,
    ),
]
JobFileArgument = Annotated[Path, typer.Argument(metavar="JOB.yaml", help="The job file.")]
JobArgument = Annotated[
    str, typer.Argument(metavar="JOB", help="A job's name or file.", autocompletion=complete_job)
]
FormatOption = Annotated[
    Format | None,
    typer.Option(
        "--format",
        "-f",
        help="How to print the rows.  [default: table on a terminal, tsv elsewhere]",
        show_default=False,
    ),
]


def _checked_aet(value: str) -> str:
    """Refuse what no peer could take for a title (PS3.5 §6.2, AE)."""
    if len(value) > LONGEST_AET or "\\" in value or not value.isprintable():
        raise UsageError(f"--aet: an AE title has at most {LONGEST_AET} characters and no backslash")
    return value


AetOption = Annotated[
    str,
    typer.Option(
        "--aet",
        metavar="AET",
        callback=_checked_aet,
        help="Our own AE title.  [default: as configured, else ADIT]",
    ),
]
VarOption = Annotated[
    list[str] | None,
    typer.Option("--var", metavar="NAME=VALUE", help="Stands for ${NAME} in the job file; repeat it."),
]
UidsOption = Annotated[
    str,
    typer.Option(
        "--uids",
        metavar="FILE|-",
        help="These studies too: UIDs, one a line, from a file or standard input.",
    ),
]
OutputOption = Annotated[
    Path, typer.Option("--output", "-o", metavar="DIR", help="Folder to write into; made if it is missing.")
]


def _quiet_too(ctx: typer.Context, value: Style) -> Style:
    """Show nothing with -q, unless a style is asked for."""
    return Style.NONE if value is Style.AUTO and settings(ctx).verbosity < 0 else value


ProgressOption = Annotated[
    Style,
    typer.Option(
        "--progress",
        callback=_quiet_too,
        help="How to show it; auto is bars on a terminal, lines elsewhere, nothing with -q.",
    ),
]
NoCacheOption = Annotated[
    bool,
    typer.Option("--no-cache", help="Ask the sources anew, also what they answered lately (`run.cache`)."),
]
FailIfEmptyOption = Annotated[
    bool, typer.Option("--fail-if-empty", help="End with exit code 4 where nothing matches.")
]

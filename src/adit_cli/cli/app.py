"""The program's front door: global options, one entry per command, errors turned into exit codes.

A command's module is imported only when it is called, so `adit --help` costs no more than typer.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from adit_cli.cli.endings import ended_by_signal, exit_code_of
from adit_cli.cli.lazy import LazyGroup
from adit_cli.cli.settings import CONTEXT, ConfigOption, QuietOption, StateOption, VerboseOption
from adit_cli.cli.streams import open_streams
from adit_cli.cli.versions import note_all, note_version
from adit_cli.errors import UsageError

EPILOG = """\b
A NODE is a name from your config, AET@host:port, a URL, or a folder's path.
New here? `adit demo` runs a whole job against a small PACS on this machine.
Most used: adit query NODE, adit get NODE UID -o DIR, adit transfer JOB.yaml"""

app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=CONTEXT,
    epilog=EPILOG,
)


@app.callback()
def adit(
    config: ConfigOption = None,
    state_dir: StateOption = None,
    verbose: VerboseOption = 0,
    quiet: QuietOption = 0,
    version: Annotated[
        bool,
        typer.Option("--version", callback=note_version, is_eager=True, help="Show the version and exit."),
    ] = False,
    everything: Annotated[
        bool,
        typer.Option(
            "--all", callback=note_all, is_eager=True, help="With --version: what it builds on, too."
        ),
    ] = False,
) -> None:
    """Move DICOM images in bulk: complete, de-identified, resumable."""
    del config, state_dir, verbose, quiet, version  # read where they are needed
    if everything:
        raise UsageError("--all belongs to --version", hint="adit --version --all")


def run(argv: Sequence[str]) -> int:
    """Run one command line; every way it can end becomes an exit code here."""
    try:
        open_streams()
        with ended_by_signal():
            code = app(args=argv, prog_name="adit", standalone_mode=False)
            sys.stdout.flush()
    except BaseException as error:  # noqa: BLE001  the last resort, where each error gets its exit code
        return exit_code_of(error)
    return code if isinstance(code, int) else 0

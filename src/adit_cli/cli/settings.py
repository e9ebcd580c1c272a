"""Options that every command has, before or after its name, and what they stand for."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from typer.core import TyperOption

    from adit_cli.jobfile.addressing import Known

CONTEXT: dict[str, object] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
META = "adit_cli.settings"


@dataclass(slots=True)
class Settings:
    """What the global options of this command line said."""

    config: Path | None = None
    state_dir: Path | None = None
    verbosity: int = 0
    known: Known | None = None
    """What the config knows of nodes, once it was read."""
    refused: int = 0
    """Lines of input that named nothing; a command that did the rest ends with 3."""


def settings(ctx: typer.Context) -> Settings:
    """Return the settings of this command line; every context of it shares them."""
    found = ctx.meta.setdefault(META, Settings())
    assert isinstance(found, Settings)  # noqa: S101  nobody else writes under our name
    return found


def _set_config(ctx: typer.Context, value: Path | None) -> None:
    if value is not None:
        settings(ctx).config = value


def _set_state_dir(ctx: typer.Context, value: Path | None) -> None:
    if value is not None:
        settings(ctx).state_dir = value


def _add_verbosity(ctx: typer.Context, value: int) -> None:
    if value:
        _change_verbosity(ctx, value)


def _add_quiet(ctx: typer.Context, value: int) -> None:
    if value:
        _change_verbosity(ctx, -value)


def _change_verbosity(ctx: typer.Context, by: int) -> None:
    """Log to standard error: -v what happens, -vv everything of ours."""
    now = settings(ctx)
    now.verbosity += by
    level = {0: logging.WARNING, 1: logging.INFO}.get(now.verbosity, logging.DEBUG)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("adit_cli").setLevel(level if now.verbosity >= 0 else logging.ERROR)


ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        callback=_set_config,
        help="Config file with your nodes.  [default: $ADIT_CONFIG, ./adit.yaml, then your config folder]",
    ),
]
StateOption = Annotated[
    Path | None,
    typer.Option(
        "--state-dir",
        metavar="DIR",
        callback=_set_state_dir,
        help="Folder that remembers what is done.  [default: $ADIT_STATE_DIR, then your state folder]",
    ),
]
VerboseOption = Annotated[
    int,
    typer.Option(
        "-v",
        "--verbose",
        count=True,
        show_default=False,
        callback=_add_verbosity,
        help="Say more; -vv for everything.",
    ),
]
QuietOption = Annotated[
    int,
    typer.Option("-q", "--quiet", count=True, show_default=False, callback=_add_quiet, help="Say less."),
]


def _options(
    config: ConfigOption = None,
    state_dir: StateOption = None,
    verbose: VerboseOption = 0,
    quiet: QuietOption = 0,
) -> None:
    """Hold the shared options, so that typer makes its parameters of them."""


def new_app() -> typer.Typer:
    """Return the app of one command, or of a group of them."""
    return typer.Typer(rich_markup_mode=None, add_completion=False)


def shared_parameters() -> list[TyperOption]:
    """Return the shared options as parameters to append to a command; their callbacks take the values."""
    holder = new_app()
    holder.command()(_options)
    options: list[TyperOption] = []
    for parameter in typer.main.get_command(holder).params:
        parameter.expose_value = False
        options.append(parameter)  # pyright: ignore[reportArgumentType]  all four are options
    return options

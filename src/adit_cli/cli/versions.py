"""`adit --version`, and with `--all` the versions of what it builds on: for bug reports."""

from __future__ import annotations

from collections.abc import Callable

import typer

from adit_cli.errors import AditError

LIBRARIES = ("pydicom", "pynetdicom", "pydantic", "typer")
_WANTED, _ALL = "adit version", "adit all versions"


def note_version(ctx: typer.Context, value: bool) -> bool:  # noqa: FBT001  the signature typer calls
    """Take `--version`; what it shows depends on `--all`, which may stand before or behind it."""
    ctx.meta[_WANTED] = value
    if value and ctx.meta.get(_ALL):
        _show(everything=True)
    return value


def note_all(ctx: typer.Context, value: bool) -> bool:  # noqa: FBT001  the signature typer calls
    """Take `--all`, or that it isn't there: of the two options it is the last to be looked at then."""
    ctx.meta[_ALL] = value
    if ctx.meta.get(_WANTED):
        _show(everything=value)
    return value


def _show(*, everything: bool) -> None:
    import platform  # noqa: PLC0415  20 ms that only --version needs
    from importlib.metadata import version  # noqa: PLC0415  as above

    typer.echo(f"adit {version('adit-cli')}")
    if everything:
        typer.echo(f"Python {platform.python_version()} on {platform.platform()}")
        for library in LIBRARIES:
            typer.echo(f"{library} {version(library)}")
        _show_programs()
    raise typer.Exit


def _show_programs() -> None:
    from adit_cli.nodes import dcm2niix, sevenzip  # noqa: PLC0415  only --all needs them

    typer.echo(f"dcm2niix {_of(dcm2niix.version)}")
    typer.echo(f"7-Zip {_of(sevenzip.version)}")


def _of(program: Callable[[], str]) -> str:
    try:
        return program()
    except (AditError, OSError):
        return "not found"

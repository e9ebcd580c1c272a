"""Read what a command line names: the user's config, nodes, UIDs, jobs, times."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from adit_cli.cli.settings import settings
from adit_cli.counting import first_of
from adit_cli.errors import UsageError
from adit_cli.jobfile.addressing import Known, NothingKnown, find_config, parse_node
from adit_cli.jobfile.node import NodeSpec
from adit_cli.jobfile.uid_lines import UidLines, names_study, parse_uids
from adit_cli.jobfile.values import parse_duration

if TYPE_CHECKING:
    from adit_cli.jobfile.config import Config

NAMED = 10
"""Lines of input that are named; the rest is counted."""
NAME = re.compile(r"""^name:\s*["']?([\w.-]+)""", re.MULTILINE)


def user_config(ctx: typer.Context) -> Config:
    """Return the user's config; a missing one is an empty one, unless it was named."""
    from adit_cli.jobfile.config import load_config  # noqa: PLC0415  slow to load, and mostly there is none

    return load_config(find_config(settings(ctx).config, os.environ))


def known_nodes(ctx: typer.Context) -> Known:
    """Return what the user's config knows of nodes; it is read once."""
    now = settings(ctx)
    if now.known is None:
        now.known = _known(find_config(now.config, os.environ))
    return now.known


def _known(path: Path | None) -> Known:
    if path is None:
        return NothingKnown()
    from adit_cli.jobfile.known import load_nodes  # noqa: PLC0415  YAML, and what explains errors in it

    return load_nodes(path)


def named_node(text: str, config: Known) -> tuple[str, NodeSpec]:
    """Return the node that was typed; nothing typed, as by an unset shell variable, is none."""
    if not text.strip():
        raise UsageError(
            "the NODE is empty", hint="give a name from the config, AET@host:port, a URL, or a folder's path"
        )
    return parse_node(text, config)


def archive_password() -> str:
    """Return what opens encrypted archives: never an argument, which everyone on the machine sees."""
    return os.environ.get("ADIT_ARCHIVE_PASSWORD", "")


def read_uids(ctx: typer.Context, where: str) -> list[str]:
    """Return the studies that a file or standard input (`-`) names, or series of them as `study/series`.

    Lines that name none are told and counted: whoever pipes a long list wants the rest of it.
    """
    try:
        if where == "-":
            found = parse_uids(sys.stdin, "standard input")
        else:
            with Path(where).open(encoding="utf-8") as file:
                found = parse_uids(file, where)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read UIDs from {where}: {error}") from error
    if found.refused:
        _tell_refused(ctx, found)
    return list(found.uids)


def _tell_refused(ctx: typer.Context, found: UidLines) -> None:
    settings(ctx).refused += len(found.refused)
    named = ", ".join(first_of(found.refused, NAMED))
    if not found.uids:
        raise UsageError(
            f"no DICOM UID in any line, as in {named}",
            hint="one a line is needed: `adit query` prints them with --format uid, or ndjson",
        )
    typer.echo(f"left out, since there is no DICOM UID (digits and dots, at most 64): {named}", err=True)


def uids_of(ctx: typer.Context, texts: Iterable[str]) -> list[str]:
    """Return the UIDs that are named; `-` stands for those on standard input."""
    found: dict[str, None] = {}
    for text in texts:
        found.update(dict.fromkeys(read_uids(ctx, "-") if text == "-" else [text]))
        if text != "-" and not names_study(text):
            raise UsageError(f"{text!r} is not a DICOM UID", hint="UIDs are at most 64 digits and dots")
    return list(found)


def seconds(text: str, option: str) -> float | None:
    """Return the seconds that `30m` or `1h30m` names; None for an empty text."""
    try:
        return parse_duration(text) if text else None
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from error


def job_name(text: str) -> str:
    """Return the name of a job that is named, or whose file is."""
    path = Path(text)
    if not path.is_file():
        return text
    try:
        found = NAME.search(path.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}") from error
    if found is None:
        raise UsageError(f"{path} names no job", hint=f"see what is wrong with it: adit check {path}")
    return found[1]

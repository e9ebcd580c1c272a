"""Read the job file that a command names, with the user's config and variables."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import typer

from adit_cli.cli.settings import settings
from adit_cli.errors import UsageError
from adit_cli.jobfile.config import Config, find_config, load_config, parse_node
from adit_cli.jobfile.job import Job
from adit_cli.jobfile.load import load_job
from adit_cli.jobfile.node import NodeSpec
from adit_cli.jobfile.values import PIPED_LATER, parse_duration

UID = re.compile(r"[0-9]+(\.[0-9]+)*")
LONGEST_UID = 64
NAME = re.compile(r"""^name:\s*["']?([\w.-]+)""", re.MULTILINE)


def user_config(ctx: typer.Context) -> Config:
    """Return the user's config; a missing one is an empty one, unless it was named."""
    return load_config(find_config(settings(ctx).config, os.environ))


def named_node(text: str, config: Config) -> tuple[str, NodeSpec]:
    """Return the node that was typed; nothing typed, as by an unset shell variable, is none."""
    if not text.strip():
        raise UsageError(
            "the NODE is empty", hint="give a name from the config, AET@host:port, or a folder's path"
        )
    return parse_node(text, config)


def read_job(ctx: typer.Context, path: Path, var: Iterable[str] | None = None, uids: str = "") -> Job:
    """Return the job; `uids` names where further study UIDs are, `-` for standard input."""
    piped = list(read_uids(uids)) if uids else None
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


def read_uids(where: str) -> list[str]:
    """Return the UIDs in a file or on standard input (`-`): one a line, the first column, without repeats."""
    if where == "-":
        return _uids(sys.stdin, "standard input")
    try:
        with Path(where).open(encoding="utf-8") as file:
            return _uids(file, where)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read UIDs from {where}: {error}") from error


def _uids(lines: Iterable[str], place: str) -> list[str]:
    found: dict[str, None] = {}
    for number, line in enumerate(lines, start=1):
        first = re.split(r"[\t,; ]", line.strip().strip('"'), maxsplit=1)[0].strip('"')
        if UID.fullmatch(first) and len(first) <= LONGEST_UID:
            found[first] = None
        elif first and not (number == 1 and first.replace("_", "").isalpha()):  # a heading
            raise UsageError(f"{place}, line {number}: not a DICOM UID")
    return list(found)


def uids_of(texts: Iterable[str]) -> list[str]:
    """Return the UIDs that are named; `-` stands for those on standard input."""
    found: dict[str, None] = {}
    for text in texts:
        found.update(dict.fromkeys(read_uids("-") if text == "-" else [text]))
        if text != "-" and not (UID.fullmatch(text) and len(text) <= LONGEST_UID):
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

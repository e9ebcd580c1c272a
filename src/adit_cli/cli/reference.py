"""Write docs/cli.md from the program itself: `python -m adit_cli.cli.reference > docs/cli.md`."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module

import typer
from typer._click import Command, Context, Parameter  # typer vendors click
from typer.core import TyperGroup

from adit_cli.cli.app import app
from adit_cli.cli.lazy import COMMANDS, load
from adit_cli.cli.settings import shared_parameters

BRACED = re.compile(r"\{([^}]*)\}")
TYPE = re.compile(r" <[^|]*>$")
"""What typer adds to an argument's name; its help says it better."""
HEAD = """\
# Commands

<!-- Written by `python -m adit_cli.cli.reference > docs/cli.md` from the help texts; a test compares. -->

Data goes to standard output, everything else to standard error. Rows are a table on a terminal and
tab-separated values in a pipe; `--format` overrides. `-` reads UIDs from standard input. See also
[exit codes](#exit-codes).

A NODE is a name from your config, `AET@host:port`, a URL, or a folder's path.
"""
TAIL = """\
## Exit codes

| code | meaning |
|---|---|
| 0 | everything asked for was done (an already finished job included) |
| 1 | unexpected error |
| 2 | usage, or an invalid job file |
| 3 | finished, but something ended in warning or failure, or was left out |
| 4 | nothing matched (only with `--fail-if-empty`) |
| 5 | stopped early and resumable (`--stop-after`, a node's window, SIGTERM) |
| 6 | source or destination unreachable or refusing |
| 7 | disk full |
| 10 | state locked by another run of the same job, or unusable |
| 130 | interrupted (Ctrl-C); resumable |
"""


def reference() -> str:
    """Return the page."""
    root = typer.main.get_command(app)
    shared = _table(shared_parameters(), typer.Context(root))
    parts = [HEAD, "## Options of every command\n", *shared]
    for section in dict.fromkeys(entry.section for entry in COMMANDS.values()):
        names = [name for name, entry in COMMANDS.items() if entry.section == section]
        parts += [f"\n## {section}\n", *(line for name in names for line in _command(name))]
    return "\n".join([*parts, "", TAIL])


def _command(name: str) -> Iterator[str]:
    command = load(name)
    module = import_module(f"adit_cli.cli.{name}")
    context = typer.Context(command, info_name=f"adit {name}")
    yield f"### adit {name}\n"
    yield from _body(command, context)
    for leaf in command.commands.values() if isinstance(command, TyperGroup) else ():
        yield f"#### adit {name} {leaf.name}\n"
        yield from _body(leaf, typer.Context(leaf, info_name=leaf.name, parent=context))
    yield "\n".join(["```bash", *module.EXAMPLES, "```", ""])


def _body(command: Command, context: Context) -> Iterator[str]:
    usage = BRACED.sub(r"\1", " ".join([context.command_path, *command.collect_usage_pieces(context)]))
    yield f"```\n{usage}\n```\n"
    yield f"{inspect.cleandoc(command.help or '').replace('<', '&lt;')}\n"
    own = command.params if isinstance(command, TyperGroup) else command.params[: -len(shared_parameters())]
    yield from _table(own, context)
    yield ""


def _table(parameters: Sequence[Parameter], context: Context) -> Iterator[str]:
    records = [record for parameter in parameters if (record := parameter.get_help_record(context))]
    if records:
        yield "| | |"
        yield "|---|---|"
    for name, text in records:
        yield f"| `{_cell(TYPE.sub('', name))}` | {_text(text)} |"


def _text(text: str) -> str:
    """Return text that Markdown takes for neither a tag nor a link."""
    return _cell(text).replace("<", "&lt;").replace("[", "\\[")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(reference())

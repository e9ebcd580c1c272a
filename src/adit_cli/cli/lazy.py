"""The list of commands, known without importing any of them."""

from __future__ import annotations

import gc
from importlib import import_module
from typing import NamedTuple

import typer
from typer._click import Command, Context, HelpFormatter  # typer vendors click
from typer.core import TyperCommand, TyperGroup

from adit_cli.cli.settings import CONTEXT, shared_parameters


class Entry(NamedTuple):
    """A command as the list shows it; its module has the same name."""

    section: str
    summary: str


COMMANDS = {
    "transfer": Entry("Jobs", "Run a job: find what it selects and move what is not yet moved."),
    "plan": Entry("Jobs", "Show what a job would move, without moving it."),
    "check": Entry("Jobs", "Validate job files and say in words what they do; no network."),
    "status": Entry("Jobs", "Show how far a job is, and what went wrong."),
    "jobs": Entry("Jobs", "List the jobs this machine knows."),
    "schema": Entry("Jobs", "Print the job file's JSON Schema, for editors."),
    "query": Entry("Single steps", "Look up patients, studies, series or instances."),
    "header": Entry("Single steps", "Print the header of one instance."),
    "get": Entry("Single steps", "Fetch studies or series into a folder."),
    "send": Entry("Single steps", "Send files and folders to a node."),
    "move": Entry("Single steps", "Have a server send studies straight to another one."),
    "receive": Entry("Single steps", "Be a storage server: for jobs, or to file what arrives."),
    "deid": Entry("Single steps", "De-identify files on disk."),
    "echo": Entry("Single steps", "Ask whether a node answers, and how."),
    "nodes": Entry("Set-up", "List, add, remove and test the nodes of your config."),
    "demo": Entry("Set-up", "Run a whole job against a small PACS on this machine."),
}


def load(name: str) -> Command:
    """Import one command's module and return it with examples and the options that every command has."""
    module = import_module(f"adit_cli.cli.{name}")
    gc.freeze()
    gc.enable()
    command = typer.main.get_command(module.app)
    command.name = name
    command.short_help = COMMANDS[name].summary
    command.epilog = "\b\nExamples:\n" + "\n".join(f"  {line}" for line in module.EXAMPLES)
    command.context_settings = CONTEXT
    leaves = command.commands.values() if isinstance(command, TyperGroup) else [command]
    for leaf in leaves:
        leaf.params.extend(shared_parameters())
        leaf.context_settings = CONTEXT
    return command


class LazyGroup(TyperGroup):
    """A group that knows names and summaries, and imports a command when it is called."""

    def __init__(self, **attributes: object) -> None:
        super().__init__(**attributes)  # pyright: ignore[reportArgumentType]  typer calls it with its own
        for name, entry in COMMANDS.items():
            self.commands[name] = TyperCommand(name, short_help=entry.summary, rich_markup_mode=None)

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        """Replace the stub that was found by the real command."""
        name, command, rest = super().resolve_command(ctx, args)
        if name in COMMANDS:
            command = self.commands[name] = load(name)
        return name, command, rest

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Show the commands by section, in the order of the table."""
        del ctx
        for section in dict.fromkeys(entry.section for entry in COMMANDS.values()):
            with formatter.section(section):
                formatter.write_dl([(n, e.summary) for n, e in COMMANDS.items() if e.section == section])

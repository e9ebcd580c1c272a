"""Ask the nodes of a command line, and show what they answer while they do."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import typer

from adit_cli.cli.columns import columns
from adit_cli.cli.loading import known_nodes, named_node
from adit_cli.cli.opening import opened_source
from adit_cli.cli.output import Format, Row
from adit_cli.cli.streaming import asked_format, open_stream
from adit_cli.cli.table import Column
from adit_cli.counting import count
from adit_cli.dicom.query import Level
from adit_cli.tasks.asking import Asked, Batch, Inquiry
from adit_cli.tasks.lookup import UNIQUE_KEYS, Lookup

NODE = "node"
"""The column that says which of several nodes a row is from."""
NOUNS = {
    Level.PATIENT: ("patient", ""),
    Level.STUDY: ("study", ""),
    Level.SERIES: ("series", ""),
    Level.IMAGE: ("instance", ""),
}
SOME_FAILED, ALL_FAILED = 3, 6


def ask(
    ctx: typer.Context,
    nodes: Sequence[str],
    lookup: Lookup,
    *,
    output: Format | None,
    limit: int | None,
    aet: str,
) -> tuple[int, int]:
    """Return how many rows were shown, and the exit code: one node that fails does not hide the others."""
    inquiry = Inquiry(_asked(ctx, nodes, aet), lookup)
    several = len(inquiry.nodes) > 1
    kind = asked_format(output)
    shown = ({NODE: Column("Node")} if several else {}) | columns(lookup.wanted)
    above = [unique for level, unique in UNIQUE_KEYS.items() if level is not Level.PATIENT]
    machine = dict.fromkeys([*shown, *above[: list(Level).index(lookup.level)]])
    stream = open_stream(shown, list(machine), kind, UNIQUE_KEYS[lookup.level])
    number = 0
    for batch in inquiry.batches():
        rows = _rows(batch, several=several)[: None if limit is None else limit - number]
        stream.add(rows)
        number += len(rows)
        if number == limit:
            break
    code = _exit_code(inquiry)
    if number or code != ALL_FAILED:
        stream.end()
    _tell(inquiry, lookup.level, number, kind)
    return number, code


def _asked(ctx: typer.Context, nodes: Sequence[str], aet: str) -> list[Asked]:
    """Return the nodes as they were typed, each once; an unknown one is an error before anyone is asked."""
    config = known_nodes(ctx)
    typed = {named_node(text, config)[0]: text for text in reversed(nodes)}
    return [Asked(text, partial(opened_source, ctx, text, aet)) for text in reversed(typed.values())]


def _rows(batch: Batch, *, several: bool) -> list[Row]:
    return [{NODE: batch.node, **one} for one in batch.found] if several else list(batch.found)


def _tell(inquiry: Inquiry, level: Level, number: int, kind: Format) -> None:
    """Say on standard error what is not a row; a node that was asked alone fails as any command does."""
    for note in inquiry.notes:
        typer.echo(f"note: {note}", err=True)
    for name, error in inquiry.failed.items():
        if len(inquiry.nodes) == 1:
            raise error
        typer.echo(f"adit: {name} failed: {error.message}", err=True)
        if error.hint:
            typer.echo(f"      {error.hint}", err=True)
    if kind is Format.TABLE:
        typer.echo(count(number, *NOUNS[level]) if number else f"no {NOUNS[level][0]} matches", err=True)


def _exit_code(inquiry: Inquiry) -> int:
    if not inquiry.failed:
        return 0 if inquiry.is_whole else SOME_FAILED
    return ALL_FAILED if len(inquiry.failed) == len(inquiry.nodes) else SOME_FAILED

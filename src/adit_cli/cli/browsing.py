"""`adit query --interactive`: browse a node, then do with what was marked what the user decided."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

import typer

from adit_cli.cli.display import Style
from adit_cli.cli.loading import known_nodes, named_node
from adit_cli.cli.opening import opened_source
from adit_cli.cli.output import write
from adit_cli.errors import UsageError
from adit_cli.tasks.lookup import Lookup

if TYPE_CHECKING:
    from adit_cli.cli.browser.handover import HandOver

MOST = 10_000
"""Entries of one list that are asked for where no limit is given."""


def browse(ctx: typer.Context, nodes: Sequence[str], lookup: Lookup, limit: int | None, aet: str) -> None:
    """Show the browser, and act on what the user decided in it."""
    if len(nodes) != 1:
        raise UsageError("--interactive browses one node", hint="name one NODE")
    _check_terminal()
    name, _ = named_node(nodes[0], known_nodes(ctx))
    from adit_cli.cli.browser.app import Browser  # noqa: PLC0415  Textual is an extra, and slow to load
    from adit_cli.cli.browser.listing import Listing  # noqa: PLC0415  as above

    browser = Browser(name, partial(opened_source, ctx, nodes[0], aet), Listing(lookup), limit or MOST)
    decided = browser.run()
    if browser.return_code:
        raise typer.Exit(browser.return_code)
    if decided is not None:
        act_on(ctx, decided, nodes[0], aet)


def _check_terminal() -> None:
    if find_spec("textual") is None:
        raise UsageError("--interactive needs Textual", hint="install it: pip install 'adit-cli[tui]'")
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("--interactive needs a terminal", hint="in scripts, use --format")


def act_on(ctx: typer.Context, decided: HandOver, node: str, aet: str) -> None:
    """Print, write, fetch or transfer; by the same code as the commands that do."""
    from adit_cli.cli.browser.handover import Purpose, address_of, write_cohort, write_job  # noqa: PLC0415

    match decided.purpose:
        case Purpose.UIDS:
            write("\n".join(decided.study_uids))
        case Purpose.COHORT:
            write_cohort(decided.path, decided.rows)
            typer.echo(f"wrote {decided.path}", err=True)
        case Purpose.JOB | Purpose.TRANSFER:
            named = node in known_nodes(ctx).nodes
            source = (node, "" if named else address_of(node))
            write_job(decided.path, source, decided.destination, decided.rows)
            typer.echo(f"wrote {decided.path}; see: adit check {decided.path}", err=True)
            if decided.purpose is Purpose.TRANSFER:
                _transfer(ctx, decided)
        case Purpose.GET:
            _get(ctx, decided, node, aet)


def _transfer(ctx: typer.Context, decided: HandOver) -> None:
    from adit_cli.cli.transfer import transfer  # noqa: PLC0415  the whole engine, which browsing does not need

    transfer(ctx, decided.path)


def _get(ctx: typer.Context, decided: HandOver, node: str, aet: str) -> None:
    from adit_cli.cli.watching import watch_fetch  # noqa: PLC0415  as above
    from adit_cli.tasks.download import StudyRequest  # noqa: PLC0415  as above

    series: dict[str, list[str]] = {}
    for row in decided.rows:
        uid = row.get("SeriesInstanceUID", "")
        series.setdefault(row["StudyInstanceUID"], []).extend([uid] if uid else [])
    wanted = [StudyRequest(study, tuple(uids)) for study, uids in series.items()]
    with opened_source(ctx, node, aet, most=None) as source:
        complete = watch_fetch(source, wanted, decided.path, Style.AUTO)
    raise typer.Exit(0 if complete else 3)

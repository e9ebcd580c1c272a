"""Say what becomes of studies that a server sends to another one."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from adit_cli.cli.status_line import StatusLine
from adit_cli.counting import count, first_of
from adit_cli.errors import NodeError
from adit_cli.nodes.base import Source
from adit_cli.tasks.download import MOST_FAILURES, StudyRequest
from adit_cli.tasks.forwarding import Sent, Target, forward
from adit_cli.tasks.listing import list_instances
from adit_cli.tasks.series import SeriesChoice, list_series

NAMED = 10
"""How many missing instances are named before they are only counted."""


def watch_move(source: Source, wanted: Sequence[StudyRequest], target: Target, *, quiet: bool) -> bool:
    """Have one study after the other sent; return whether all of them are complete.

    NodeError where the source failed with all of them, or with several in a row.
    """
    line = StatusLine(None if quiet else sys.stderr)
    complete = True
    errors: list[NodeError] = []
    for request in wanted:
        try:
            sent = _send(source, request, target, line)
        except NodeError as error:
            line.clear()
            errors.append(error)
            if len(errors) in {MOST_FAILURES, len(wanted)}:
                raise
            complete = False
            typer.echo(f"{request.uid}: {error.message} {error.hint}", err=True)
        else:
            line.clear()
            errors.clear()
            complete = complete and sent.complete
            _tell(request.uid, sent, target, quiet=quiet)
    return complete


def _tell(uid: str, sent: Sent, target: Target, *, quiet: bool) -> None:
    if not quiet or not sent.complete:
        typer.echo(f"{uid}: {_summary(sent, target)}", err=True)
    for text in _missing(sent):
        typer.echo(f"{uid}: {text}", err=True)


def _send(source: Source, request: StudyRequest, target: Target, line: StatusLine) -> Sent:
    line.show(f"{request.uid}: being sent to {target.ae_title}")
    series = [
        one
        for one in list_series(source, request.uid)
        if not request.series_uids or one["SeriesInstanceUID"] in request.series_uids
    ]
    choice = SeriesChoice(tuple(series))
    listing = list_instances(source, request.uid, choice, restricted=bool(request.series_uids))
    if not series:
        return Sent(0, 0, None)

    def tell(there: int) -> None:
        line.show(f"{request.uid}: {there} of {len(listing.refs)} are at {target.ae_title}")

    return forward(source, request.uid, listing, target, tell)


def _summary(sent: Sent, target: Target) -> str:
    if not sent.listed:
        return "the source has no such study"
    if sent.there is not None:
        known = " already" if sent.sent == 0 and sent.complete else ""
        return f"{sent.there} of {count(sent.listed, 'instance')} are at {target.ae_title}{known}"
    if sent.sent is None:
        return f"sent to {target.ae_title}; the source does not say how many"
    return f"{count(sent.sent, 'instance')} sent to {target.ae_title}, says the source"


def _missing(sent: Sent) -> list[str]:
    lines = [f"missing {one.uid}: {one.message}" if one.uid else one.message for one in sent.missing]
    return first_of(lines, NAMED)

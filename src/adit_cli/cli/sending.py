"""Show `adit send` on the same displays as a job's run."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import typer

from adit_cli.cli.display import Style, open_display
from adit_cli.cli.wording import duration, printable, size
from adit_cli.counting import count
from adit_cli.engine.events import RunStarted, TaskEnded, TaskProgress, TaskStarted
from adit_cli.nodes.base import Destination
from adit_cli.tasks.download import MOST_FAILURES
from adit_cli.tasks.task import Outcome, Progress, TaskStatus
from adit_cli.tasks.upload import Outbox, Sent, send_study

MOST_REMARKS = 20


def watch_send(
    destination: Destination, outbox: Outbox, style: Style, shown: Callable[[Path], str] = str
) -> bool:
    """Send one study after the other; return whether every file was accepted.

    NodeError where the destination failed with all of them, or with several in a row.
    """
    display = open_display(style)
    began = time.monotonic()
    sent = Sent(refused=list(outbox.refused))
    try:
        display.show(RunStarted("", len(outbox.studies), len(outbox.studies), 1, outbox.files))
        for number, (uid, files) in enumerate(outbox.studies.items()):
            display.show(TaskStarted(str(number), uid, 0, 1))
            before, then = _so_far(sent), time.monotonic()
            for _ in send_study(destination, uid, files, sent):
                done, octets = sent.accepted - before.accepted, sent.size - before.size
                progress = Progress(str(number), "sending", len(files), done, done, octets)
                display.show(TaskProgress(0, progress))
            display.show(_ended(number, uid, before, sent, time.monotonic() - then))
            if len(sent.errors) == MOST_FAILURES:
                break
    finally:
        display.close()
    gave_up = bool(sent.errors) and len(sent.errors) in {MOST_FAILURES, len(outbox.studies)}
    if not gave_up:
        _name(sent, outbox, shown)
    if style is not Style.NONE and (sent.accepted or not gave_up):
        _report(sent, outbox, time.monotonic() - began)
    if gave_up:
        raise sent.errors[-1]
    return not sent.refused and not sent.reserves


class _SoFar(NamedTuple):
    accepted: int
    size: int
    refused: int
    reserves: int


def _so_far(sent: Sent) -> _SoFar:
    return _SoFar(sent.accepted, sent.size, len(sent.refused), len(sent.reserves))


def _name(sent: Sent, outbox: Outbox, shown: Callable[[Path], str]) -> None:
    for refused in sent.refused:
        told = f"{shown(refused.path)}: {refused.reason.value}: {refused.message}"
        typer.echo(printable(told), err=True)
    for said in dict.fromkeys(reserve.message for reserve in sent.reserves):
        typer.echo(f"of files that were accepted: {said}", err=True)
    if outbox.misnamed:
        _note_misnamed(outbox.misnamed, shown)


def _ended(number: int, uid: str, before: _SoFar, after: Sent, seconds: float) -> TaskEnded:
    refused, reserves = after.refused[before.refused :], after.reserves[before.reserves :]
    reason = next((one.reason for one in (*refused, *reserves)), None)
    status = TaskStatus.SUCCESS if reason is None else TaskStatus.WARNING
    said = f"{count(len(refused), 'file')} refused" if refused else reserves[0].message if reserves else ""
    outcome = Outcome(
        status,
        reason,
        said,
        delivered=after.accepted - before.accepted,
        size=after.size - before.size,
        seconds=seconds,
    )
    return TaskEnded(str(number), uid, 0, 1, status, outcome)


def _note_misnamed(files: list[Path], shown: Callable[[Path], str]) -> None:
    first, others = printable(shown(files[0])), len(files) - 1
    more = f" (and {count(others, 'other file')})" if others else ""
    said = "its file meta information names another instance than its data set, which went by its own UIDs"
    typer.echo(f"{first}{more}: {said}", err=True)


def _remark(remarks: Counter[str]) -> None:
    for said, number in remarks.most_common(MOST_REMARKS):
        typer.echo(printable(f"{count(number, 'file')} accepted with {said}"), err=True)
    if len(remarks) > MOST_REMARKS:
        typer.echo(f"and {len(remarks) - MOST_REMARKS} more of that kind", err=True)


def _report(sent: Sent, outbox: Outbox, seconds: float) -> None:
    _remark(sent.remarks)
    rate = f" ({size(sent.size / seconds)}/s)" if sent.size else ""
    parts = [f"{count(sent.accepted, 'file')} accepted"]
    parts += [f"{len(sent.refused)} refused"] if sent.refused else []
    parts += [f"{len(outbox.skipped)} passed over, not DICOM"] if outbox.skipped else []
    typer.echo(f"{', '.join(parts)}: {size(sent.size)} in {duration(seconds)}{rate}", err=True)

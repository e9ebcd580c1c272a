"""Show `adit get` and `adit send` on the same displays as a job's run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import typer

from adit_cli.cli.display import Display, Style, open_display
from adit_cli.cli.wording import duration, size
from adit_cli.counting import count, first_of
from adit_cli.engine.events import RunStarted, TaskEnded, TaskProgress, TaskStarted
from adit_cli.errors import Reason
from adit_cli.nodes.base import Arrival, Guarded, Reporting, Source
from adit_cli.tasks.download import Downloaded, StudyRequest, is_in_vain, refusal_of_all, try_download
from adit_cli.tasks.task import Outcome, Progress, TaskStatus

NAMED = 10
"""How many missing instances are named before they are only counted."""


class FetchWatch:
    """Counts what arrives and tells the display."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._began = time.monotonic()
        self.arrived = 0
        self.size = 0
        self._study = Progress("", "receiving")

    def begin(self, number: int, uid: str) -> None:
        """Start the next study."""
        self._study = Progress(str(number), "receiving")
        self._study_began = time.monotonic()
        self._display.show(TaskStarted(str(number), uid, 0, 1))

    def arrive(self, arrival: Arrival) -> None:
        """Count a file."""
        self.arrived += 1
        self.size += arrival.size
        done = self._study.received + 1
        self._study = Progress(
            self._study.task_key, "receiving", 0, done, done, self._study.size + arrival.size
        )
        self._display.show(TaskProgress(0, self._study))

    def end(self, number: int, fetched: Downloaded) -> None:
        """Show how a study ended."""
        status, reason = _verdict(fetched)
        seconds = time.monotonic() - self._study_began
        outcome = Outcome(
            status,
            reason,
            problem(fetched),
            delivered=self._study.delivered,
            size=self._study.size,
            seconds=seconds,
        )
        self._display.show(TaskEnded(str(number), fetched.study_uid, 0, 1, status, outcome))

    def summary(self, fetched: Sequence[Downloaded], folder: Path) -> str:
        """Return what was done in one line."""
        seconds = time.monotonic() - self._began
        rate = f" ({size(self.size / seconds)}/s)" if self.size else ""
        present = sum(each.present for each in fetched)
        there = f", {count(present, 'instance')} already there" if present else ""
        studies = count(sum(each.complete for each in fetched), "study")
        moved = f"{count(self.arrived, 'instance')}, {size(self.size)} in {duration(seconds)}{rate}"
        return f"{studies} complete in {folder}: {moved}{there}"


def watch_fetch(
    source: Source, wanted: Sequence[StudyRequest], folder: Path, style: Style, *, sync: bool = True
) -> bool:
    """Fetch one study after the other; return whether all of them are complete, for all the source can read.

    NodeError where the source refused everything, or failed with several studies in a row.
    """
    display = open_display(style)
    watch = FetchWatch(display)
    fetched: list[Downloaded] = []
    try:
        display.show(RunStarted("", len(wanted), len(wanted), 1))
        for number, request in enumerate(wanted):
            watch.begin(number, request.uid)
            fetched.append(try_download(source, request, folder, watch.arrive, sync=sync))
            watch.end(number, fetched[-1])
            if is_in_vain(fetched):
                break
    finally:
        display.close()
    refusal = refusal_of_all(fetched)
    told = [each for each in fetched if refusal is None or each.arrived or each.present]
    for line in (line for each in told for line in missing_lines(each)):
        typer.echo(line, err=True)
    is_whole = _tell_of(source)
    if refusal is not None:
        raise refusal
    if style is not Style.NONE:
        typer.echo(watch.summary(fetched, folder), err=True)
    return is_whole and all(each.complete for each in fetched)


def _tell_of(source: Source) -> bool:
    """Say what a person should know of the source; return whether it could read all that it has."""
    for note in source.notes() if isinstance(source, Reporting) else ():
        typer.echo(f"note: {note}", err=True)
    return not (isinstance(source, Guarded) and source.unread())


def _verdict(fetched: Downloaded) -> tuple[TaskStatus, Reason | None]:
    if fetched.error is not None:
        return TaskStatus.FAILURE, fetched.error.reason
    if fetched.complete:
        return TaskStatus.SUCCESS, None
    return TaskStatus.WARNING, Reason.INCOMPLETE if fetched.listed else Reason.NOT_FOUND


def problem(fetched: Downloaded) -> str:
    """Return what is wrong with a study, if anything."""
    if fetched.error is not None:
        return f"{fetched.error.message} {fetched.error.hint}".strip()
    if not fetched.listed:
        return "the source has no such study"
    if lacking := len(fetched.missing) + fetched.lost:
        return f"{lacking} of {count(fetched.listed, 'instance')} did not arrive"
    return ""


def missing_lines(fetched: Downloaded) -> list[str]:
    """Return the instances that are missing, by UID."""
    if not fetched.listed:
        return [f"{fetched.study_uid}: {problem(fetched)}"]
    lines = [f"missing {lost.uid or 'instances'}: {lost.message}" for lost in fetched.missing]
    return [f"{fetched.study_uid}: {line}" for line in first_of(lines, NAMED)]

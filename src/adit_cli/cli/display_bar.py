"""Bars for a person at a terminal: the whole run on one line, each worker below it, problems above."""

from __future__ import annotations

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from adit_cli.cli.progress import Board, Running, doing
from adit_cli.cli.sentences import ended_line, grown_line, started_line, waits_line
from adit_cli.cli.wording import shorten
from adit_cli.engine.events import Event, Resolving, RunGrew, RunStarted, TaskEnded
from adit_cli.tasks.task import TaskStatus

COLOURS = {TaskStatus.WARNING: "yellow", TaskStatus.FAILURE: "red", TaskStatus.PENDING: "dim"}
UID_ROOM = 24


class BarDisplay:
    """A live picture of the run on standard error, four times a second."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._board = Board()
        self._resolving: Resolving | None = None
        self._live = Live(
            console=self._console, get_renderable=self._picture, refresh_per_second=4, transient=True
        )
        self._live.start()

    def show(self, event: Event) -> None:
        """Take one event; what a person must see stays above the bars."""
        self._board.take(event)
        self._note_resolving(event)
        match event:
            case RunStarted() if event.job:
                self._console.print(Text(started_line(event)))
            case RunGrew() if not event.growing:
                self._console.print(Text(grown_line(event, self._board.job)))
            case TaskEnded() if event.status is not TaskStatus.SUCCESS:
                self._console.print(Text(ended_line(event), style=COLOURS.get(event.status, "")))
            case _:
                pass

    def _note_resolving(self, event: Event) -> None:
        """Keep what is being looked up in view until all of it is; tasks may run meanwhile."""
        if isinstance(event, Resolving):
            self._resolving = event
        elif (isinstance(event, RunStarted) and not event.growing) or (
            isinstance(event, RunGrew) and not event.growing
        ):
            self._resolving = None

    def redraw(self) -> None:
        """Draw at once, without waiting for the next tick."""
        self._live.refresh()

    def close(self) -> None:
        """Remove the bars; what was printed above them stays."""
        self._live.stop()

    def _picture(self) -> Group:
        return Group(*self._lookups(), *self._work())

    def _lookups(self) -> list[Text]:
        if self._resolving is None:
            return []
        of = f" of {self._resolving.total}" if self._resolving.total else ""
        return [Text(f"looking up {self._resolving.done}{of} …", style="dim")]

    def _work(self) -> list[Table | Text]:
        if not self._board.pending:
            return []
        bar = ProgressBar(total=self._board.pending, completed=self._board.done, width=20)
        total = Table.grid(padding=(0, 1))
        total.add_row(bar, Text(self._board.summary(), no_wrap=True, overflow="ellipsis"))
        waits = [Text(waits_line(self._board.waits), style="yellow")] if self._board.waits else []
        return [total, *waits, *(_worker(n, running) for n, running in sorted(self._board.workers.items()))]


def _worker(number: int, running: Running) -> Text:
    uid = shorten(running.study_uid, UID_ROOM, keep_end=True)
    return Text(
        f"  {number} {uid:<{UID_ROOM}} {doing(running)}", style="dim", no_wrap=True, overflow="ellipsis"
    )

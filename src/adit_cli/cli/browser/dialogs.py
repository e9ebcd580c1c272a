"""What opens over the browser's list: an instance's header, and what to do with what is marked."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import DataTable, Input, Label, OptionList
from textual.widgets.option_list import Option

from adit_cli.cli.browser.errands import Came, Done, Errand, Open
from adit_cli.cli.browser.handover import WORDS, HandOver, Purpose, rows_of
from adit_cli.cli.browser.listing import Mark
from adit_cli.cli.header_rows import rows_of as header_rows
from adit_cli.cli.wording import printable
from adit_cli.dicom.json_model import JsonDataset
from adit_cli.dicom.query import Attributes
from adit_cli.errors import AditError
from adit_cli.nodes.base import Source
from adit_cli.tasks.header import Place, header_of

WANTS_PATH = {Purpose.COHORT: "cohort.csv", Purpose.JOB: "job.yaml", Purpose.TRANSFER: "job.yaml"}
WANTS_FOLDER = {Purpose.GET: "out"}
WANTS_DESTINATION = {Purpose.JOB, Purpose.TRANSFER}


def told(error: AditError) -> str:
    """Return an error in one text."""
    return f"{error.message}\n{error.hint}" if error.hint else error.message


class HeaderScreen(ModalScreen[None]):
    """The header of one instance."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,h,q", "dismiss", "Back")]

    def __init__(self, open_node: Open, place: Place) -> None:
        super().__init__()
        self._table: DataTable[Text] = DataTable(id="header", cursor_type="row")
        self._errand: Errand[JsonDataset] = Errand(
            self, open_node, lambda source: iter([header_of(source, place)])
        )

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Vertical(classes="dialog large"):
            yield Label("Fetching the header …", id="title", markup=False)
            yield self._table

    def on_mount(self) -> None:
        """Ask for it."""
        self._table.add_columns("Tag", "VR", "Element", "Value")
        self._errand.start()

    def on_unmount(self) -> None:
        """Want it no more."""
        self._errand.give_up()

    @on(Came)
    def show(self, message: Came[JsonDataset]) -> None:
        """Show what came."""
        for dataset in message.results:
            for row in header_rows(dataset):
                self._table.add_row(*(Text(printable(str(value))) for value in row.values()))
            self.query_one("#title", Label).update(
                f"{self._table.row_count} elements; pixel data is not shown"
            )
        self._table.focus()

    @on(Done)
    def finish(self, message: Done[JsonDataset]) -> None:
        """Say what went wrong."""
        if message.error is not None:
            self.query_one("#title", Label).update(told(message.error))


class HandOverScreen(ModalScreen[HandOver | None]):
    """Ask what is to be done with what is marked, and where to."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Back")]

    def __init__(self, open_node: Open, marks: list[Mark]) -> None:
        super().__init__()
        self._open = open_node
        self._marks = marks
        self._purpose = Purpose.UIDS
        self._errand: Errand[Attributes] | None = None
        self._rows: list[Attributes] = []

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Vertical(classes="dialog"):
            yield Label(f"{len(self._marks)} marked. What is to be done with them?", id="title", markup=False)
            yield OptionList(*(Option(words, id=purpose) for purpose, words in WORDS.items()), id="purpose")
            yield Input(placeholder="file or folder", id="path")
            yield Input(placeholder="destination: a node, AET@host:port, a URL or a folder", id="destination")

    def on_mount(self) -> None:
        """Ask for the purpose first."""
        self.query_one("#path").display = self.query_one("#destination").display = False
        self.query_one("#purpose").focus()

    def on_unmount(self) -> None:
        """Want no more of it."""
        self._give_up()

    def action_cancel(self) -> None:
        """Leave without doing anything."""
        self.dismiss(None)

    @on(OptionList.OptionSelected)
    def choose(self, event: OptionList.OptionSelected) -> None:
        """Ask what is needed for a purpose."""
        self._purpose = Purpose(event.option.id or "")
        path = self.query_one("#path", Input)
        suggested = (WANTS_PATH | WANTS_FOLDER).get(self._purpose, "")
        path.display, path.value = bool(suggested), suggested
        self.query_one("#destination").display = self._purpose in WANTS_DESTINATION
        if not suggested:
            self._decide()
        else:
            path.focus()

    @on(Input.Submitted)
    def submit(self, event: Input.Submitted) -> None:
        """Go on to what is not filled in yet, or be done."""
        path, destination = self.query_one("#path", Input), self.query_one("#destination", Input)
        if not path.value.strip():
            path.focus()
        elif self._purpose in WANTS_DESTINATION and (event.input is path or not destination.value.strip()):
            destination.focus()
        elif self._purpose in WANTS_PATH and Path(path.value).expanduser().exists():
            self._say(f"{path.value} is there already: give another name")
            path.focus()
        else:
            self._decide()

    def _decide(self) -> None:
        self._give_up()
        self._say("Looking up the studies …")
        self._rows = []
        self._errand = Errand(self, self._open, partial(_each_row, self._marks))
        self._errand.start()

    @on(Came)
    def gather(self, message: Came[Attributes]) -> None:
        """Keep what the node says of the marked."""
        if message.errand is self._errand:
            self._rows += message.results

    @on(Done)
    def finish(self, message: Done[Attributes]) -> None:
        """Hand over, or say why not; then another try is possible."""
        if message.errand is not self._errand:
            return
        if message.error is not None:
            self._say(told(message.error))
            return
        path = Path(self.query_one("#path", Input).value.strip()).expanduser()
        destination = self.query_one("#destination", Input).value.strip()
        self.dismiss(HandOver(self._purpose, path, destination, tuple(self._rows)))

    def _give_up(self) -> None:
        if self._errand is not None:
            self._errand.give_up()

    def _say(self, text: str) -> None:
        self.query_one("#title", Label).update(text)


def _each_row(marks: list[Mark], source: Source) -> Iterator[Attributes]:
    yield from rows_of(source, marks)

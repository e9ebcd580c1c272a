"""The browser: patients, studies, series and instances of a node, one list at a time."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.coordinate import Coordinate
from textual.widgets import DataTable, Footer, Input, Label

from adit_cli.cli.browser.dialogs import HandOverScreen, HeaderScreen, told
from adit_cli.cli.browser.errands import Came, Done, Errand, Open
from adit_cli.cli.browser.handover import HandOver
from adit_cli.cli.browser.listing import TITLES, Listing, Mark, Marks
from adit_cli.cli.wording import for_person, printable
from adit_cli.dicom.query import Attributes, Level
from adit_cli.tasks.header import Place
from adit_cli.tasks.lookup import look_up_each

CSS = """
#path { height: 1; padding: 0 1; background: $primary; color: $text; text-style: bold; }
#status { height: 1; padding: 0 1; color: $text-muted; }
#filter { border: none; height: 1; padding: 0 1; }
#list { height: 1fr; }
HeaderScreen, HandOverScreen { align: center middle; }
.dialog { width: 76; max-width: 95%; height: auto; max-height: 90%; padding: 1 2; background: $surface;
          border: round $primary; }
.large { width: 95%; height: 90%; }
.dialog Label { margin-bottom: 1; width: 100%; }
.dialog Input { margin-top: 1; }
"""
MARKED, UNMARKED = "●", " "


class EntryTable(DataTable[Text]):
    """The list; its footer says that Enter opens."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select_cursor", "Open")]


class Browser(App[HandOver]):
    """Browse a node, mark, and hand over. It does nothing to the node, and leaves nothing behind."""

    CSS = CSS
    ENABLE_COMMAND_PALETTE = False
    TITLE = "adit"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("backspace", "up", "Back"),
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("space", "mark", "Mark"),
        Binding("a", "mark_all", "Mark all"),
        Binding("h", "header", "Header"),
        Binding("x", "hand_over", "Hand over"),
        Binding("r", "reload", "Reload"),
        Binding("escape", "stop", "Stop", show=False),
        Binding("q", "quit", "Quit"),
    ]

    def __init__(self, node: str, open_node: Open, listing: Listing, limit: int) -> None:
        super().__init__()
        self.node = node
        self.listing = listing
        self.marks = Marks()
        self.is_loading = True
        self.error = ""
        self._open = open_node
        self._limit = limit
        self._parents: list[tuple[Listing, int]] = []
        self._visible: list[Attributes] = []
        self._list = EntryTable(id="list", cursor_type="row", zebra_stripes=True)
        self._errand: Errand[Attributes] | None = None

    def compose(self) -> ComposeResult:
        """Lay it out."""
        yield Label(id="path", markup=False)
        yield Input(placeholder="type to see only what holds it", id="filter")
        yield self._list
        yield Label(id="status", markup=False)
        yield Footer()

    def on_mount(self) -> None:
        """Ask for the first list."""
        self._list.focus()
        self._load()

    def action_up(self) -> None:
        """Show the list above, with the cursor where it was."""
        if self._parents:
            self._give_up()
            self.listing, row = self._parents.pop()
            self._show(row)

    @on(DataTable.RowSelected, "#list")
    def open_row(self) -> None:
        """Show what is below an entry."""
        entry = self._current()
        below = self.listing.below(entry) if entry is not None else None
        if below is not None:
            self._parents.append((self.listing, self._list.cursor_row))
            self.listing = below
            self._load()
        elif entry is not None:
            self.action_header()

    def action_filter(self) -> None:
        """Go to where one types."""
        self.query_one("#filter").focus()

    @on(Input.Changed, "#filter")
    def filter(self, event: Input.Changed) -> None:
        """Show what holds the words that are typed."""
        if event.value != self.listing.typed:
            self.listing.typed = event.value
            self._show()

    @on(Input.Submitted, "#filter")
    def leave_filter(self) -> None:
        """Go back to the list."""
        self._list.focus()

    def action_stop(self) -> None:
        """Stop loading; else leave the filter, and empty it."""
        if self.is_loading:
            self._give_up()
            self._tell("stopped")
            return
        self.query_one("#filter", Input).value = ""
        self._list.focus()

    def action_mark(self) -> None:
        """Mark an entry, or unmark it, and go to the next."""
        entry = self._current()
        if entry is not None:
            self._toggle([entry])
            self._list.action_cursor_down()

    def action_mark_all(self) -> None:
        """Mark everything that is to be seen, or unmark it."""
        self._toggle(self._visible)

    def action_header(self) -> None:
        """Show the header of an instance, or of the first one of what the cursor is on."""
        entry = self._current()
        place = self.listing.place(entry) if entry is not None else {}
        uid = place.get("SOPInstanceUID") or place.get("SeriesInstanceUID") or place.get("StudyInstanceUID")
        if not uid:
            self.notify("open a patient first: a header is of a study, series or instance", markup=False)
            return
        study, series = place.get("StudyInstanceUID", ""), place.get("SeriesInstanceUID", "")
        above = [one if one != uid else "" for one in (study, series)]
        self.push_screen(HeaderScreen(self._open, Place(uid, *above)))

    def action_hand_over(self) -> None:
        """Ask what is to be done with what is marked."""
        if not self.marks:
            self.notify("nothing is marked: the space bar marks", markup=False)
            return
        self.push_screen(HandOverScreen(self._open, self.marks.all()), self._leave_with)

    def action_reload(self) -> None:
        """Ask the node again."""
        self._load()

    def _leave_with(self, decided: HandOver | None) -> None:
        if decided is not None:
            self.exit(decided)

    def _toggle(self, entries: list[Attributes]) -> None:
        if self.listing.level is Level.IMAGE:
            self.notify("instances go with their series: go back and mark that", markup=False)
            return
        self.marks.toggle([self._mark(entry) for entry in entries])
        for row, entry in enumerate(self._visible):
            sign = MARKED if self._mark(entry) in self.marks else UNMARKED
            self._list.update_cell_at(Coordinate(row, 0), Text(sign))
        self._tell()

    def _mark(self, entry: Attributes) -> Mark:
        return Mark(self.listing.level, self.listing.place(entry))

    def _load(self) -> None:
        self._give_up()
        self.listing.entries, self.error = [], ""
        self._errand = Errand(self, self._open, lambda source: look_up_each(source, self.listing.lookup))
        self.is_loading = True
        self._show()
        self._errand.start()

    @on(Came)
    def take(self, message: Came[Attributes]) -> None:
        """Show entries that have come."""
        if message.errand is not self._errand:
            return
        room = self._limit - len(self.listing.entries)
        self.listing.entries += message.results[:room]
        self._add(self.listing.visible()[len(self._visible) :])
        if len(message.results) > room:
            self._give_up()
        self._tell()

    @on(Done)
    def finish(self, message: Done[Attributes]) -> None:
        """Say that all has come, or what went wrong; what came is there to be used."""
        if message.errand is not self._errand:
            return
        self.is_loading = False
        if message.error is not None:
            self.error = message.error.message
            self.notify(told(message.error), title=self.node, severity="error", timeout=15, markup=False)
        self._tell()

    def _give_up(self) -> None:
        if self._errand is not None:
            self._errand.give_up()
        self._errand, self.is_loading = None, False

    def _show(self, row: int = 0) -> None:
        self.query_one("#filter", Input).value = self.listing.typed
        table = self._list
        table.clear(columns=True)
        table.add_columns("", *(column.title for column in self.listing.columns().values()))
        self._visible = []
        self._add(self.listing.visible())
        table.move_cursor(row=row)
        self._tell()

    def _add(self, entries: list[Attributes]) -> None:
        for entry in entries:
            sign = MARKED if self._mark(entry) in self.marks else UNMARKED
            self._list.add_row(Text(sign), *map(Text, self.listing.cells(entry)))
        self._visible += entries

    def _tell(self, said: str = "") -> None:
        number, shown = len(self.listing.entries), len(self._visible)
        parts = [f"{shown:,} of {number:,}" if shown != number else f"{number:,}"]
        parts += ["loading …"] if self.is_loading else []
        parts += [f"only the first {self._limit:,}: narrow the query"] if number >= self._limit else []
        parts += [part for part in (said, self.error) if part]
        parts += [f"{len(self.marks):,} marked"] if self.marks else []
        self.query_one("#status", Label).update("   ".join(parts))
        self.query_one("#path", Label).update(self._path())

    def _path(self) -> str:
        above = self.listing.above
        name = for_person("PN", above.get("PatientName", "")) or above.get("PatientID", "")
        study = " ".join((for_person("DA", above.get("StudyDate", "")), above.get("StudyDescription", "")))
        series = above.get("SeriesDescription", "") or above.get("SeriesNumber", "")
        steps = [self.node, name, study.strip(), series, TITLES[self.listing.level]]
        return printable(" > ".join(step for step in steps if step))

    def _current(self) -> Attributes | None:
        row = self._list.cursor_row
        return self._visible[row] if 0 <= row < len(self._visible) else None

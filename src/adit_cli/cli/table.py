"""Tables of text that fit the terminal."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from adit_cli.cli.wording import for_person, printable, shorten, width

GAP = 2
NARROWEST = 8
COMFORTABLE = 14
"""What a cell should have before a column that matters less is left out."""
UID_SHOWN = 12
LONGEST_TEXT = 64
"""What a text gets at most of the room that is left, where rows are to follow that nobody has seen."""
RIGHT = {"IS", "US", "UL", "DS", "FL"}
RIGID = {"DA", "TM", "IS", "US", "UL"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: its heading and the value representation (PS3.5 §6.2) that its cells follow."""

    title: str
    vr: str = "LO"
    optional: bool = False
    """Whether it may be left out of a narrow table."""
    counts: bool = False
    """Whether its numbers are counts, which a person reads with thousands apart."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Which columns a table shows, and how wide."""

    columns: tuple[Column, ...]
    kept: tuple[int, ...]
    widths: tuple[int, ...]

    def heading(self) -> list[str]:
        """Return the titles and the line below them."""
        titles = self._line([column.title for column in self.columns])
        return [titles, (" " * GAP).join("─" * wide for wide in self.widths)]

    def lines(self, rows: Sequence[Sequence[str]]) -> Iterator[str]:
        """Yield the rows; numbers and dates are never cut, other texts are."""
        for row in rows:
            yield self._line(_cells(self.columns, row))

    def _line(self, cells: Sequence[str]) -> str:
        shown = (
            _cell(self.columns[i], cells[i], wide) for i, wide in zip(self.kept, self.widths, strict=True)
        )
        return (" " * GAP).join(shown).rstrip()


def render(columns: Sequence[Column], rows: Sequence[Sequence[str]], terminal_width: int = 0) -> str:
    """Return the rows under their headings, cut to the terminal's width, without the empty columns."""
    layout = fitted(columns, rows, terminal_width)
    return "\n".join((*layout.heading(), *layout.lines(rows)))


def fitted(
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    terminal_width: int = 0,
    *,
    more: bool = False,
) -> Layout:
    """Return the layout for these rows; where more are to come, texts may be longer than those seen."""
    room = terminal_width or shutil.get_terminal_size().columns
    cells = [_cells(columns, row) for row in rows]
    lines = [[column.title for column in columns], *cells]
    natural = [max(map(width, texts)) for texts in zip(*lines, strict=True)]
    filled = [i for i in range(len(columns)) if any(row[i] for row in cells)]
    kept = _choose(columns, natural, filled, room)
    shown = [columns[i] for i in kept]
    widths = _fit(shown, [natural[i] for i in kept], room)
    if more:
        _widen(shown, widths, room)
    return Layout(tuple(columns), tuple(kept), tuple(widths))


def _cells(columns: Sequence[Column], row: Sequence[str]) -> list[str]:
    return [printable(_shown(column, text)) for column, text in zip(columns, row, strict=True)]


def _shown(column: Column, text: str) -> str:
    if column.counts and text.isdecimal():
        return f"{int(text):,}"
    return for_person(column.vr, text)


def _choose(columns: Sequence[Column], natural: Sequence[int], filled: list[int], room: int) -> list[int]:
    """Return the columns to show: the optional ones only where there is room for them."""
    kept = list(filled)
    for i in reversed(filled):
        if columns[i].optional and sum(min(natural[k], COMFORTABLE) + GAP for k in kept) - GAP > room:
            kept.remove(i)
    return kept


def _fit(columns: Sequence[Column], widths: Sequence[int], room: int) -> list[int]:
    """Shorten the UIDs, then whatever is widest, until all fit or nothing more can be taken."""
    fitted = list(widths)
    excess = sum(fitted) + GAP * (len(fitted) - 1) - room
    for i, column in enumerate(columns):
        if column.vr == "UI" and excess > 0:
            less = min(excess, max(0, fitted[i] - UID_SHOWN))
            fitted[i] -= less
            excess -= less
    while excess > 0:
        candidates = [i for i, c in enumerate(columns) if c.vr not in RIGID and fitted[i] > NARROWEST]
        if not candidates:
            break
        fitted[max(candidates, key=fitted.__getitem__)] -= 1
        excess -= 1
    return fitted


def _widen(columns: Sequence[Column], widths: list[int], room: int) -> None:
    """Give the texts what is left of the room, the narrowest first."""
    left = room - sum(widths) - GAP * (len(widths) - 1)
    texts = [i for i, column in enumerate(columns) if column.vr not in {*RIGID, "UI", "CS"}]
    while left > 0 and (growing := [i for i in texts if widths[i] < LONGEST_TEXT]):
        widths[min(growing, key=widths.__getitem__)] += 1
        left -= 1


def _cell(column: Column, text: str, room: int) -> str:
    if column.vr not in RIGID:
        text = shorten(text, room, keep_end=column.vr == "UI")
    padding = " " * (room - width(text))
    return padding + text if column.vr in RIGHT else text + padding

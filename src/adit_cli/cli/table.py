"""Tables of text that fit the terminal."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from adit_cli.cli.wording import for_person, printable, shorten, width

GAP = 2
NARROWEST = 8
COMFORTABLE = 14
"""What a cell should have before a column that matters less is left out."""
UID_SHOWN = 12
RIGHT = {"IS", "US", "UL", "DS", "FL"}
RIGID = {"DA", "TM", "IS", "US", "UL"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: its heading and the value representation (PS3.5 §6.2) that its cells follow."""

    title: str
    vr: str = "LO"
    optional: bool = False
    """Whether it may be left out of a narrow table."""


def render(columns: Sequence[Column], rows: Sequence[Sequence[str]], terminal_width: int = 0) -> str:
    """Return the rows under their headings, cut to the terminal's width, without the empty columns."""
    room = terminal_width or shutil.get_terminal_size().columns
    cells = [
        [printable(for_person(column.vr, text)) for column, text in zip(columns, row, strict=True)]
        for row in rows
    ]
    lines = [[column.title for column in columns], *cells]
    natural = [max(map(width, texts)) for texts in zip(*lines, strict=True)]
    filled = [i for i in range(len(columns)) if any(row[i] for row in cells)]
    kept = _choose(columns, natural, filled, room)
    shown = [columns[i] for i in kept]
    widths = _fit(shown, [natural[i] for i in kept], room)
    texts = [_line(shown, [line[i] for i in kept], widths) for line in lines]
    rule = _line(shown, ["─" * wide for wide in widths], widths)
    return "\n".join([texts[0], rule, *texts[1:]])


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


def _line(columns: Sequence[Column], cells: Sequence[str], widths: Sequence[int]) -> str:
    return (" " * GAP).join(_cell(*parts) for parts in zip(columns, cells, widths, strict=True)).rstrip()


def _cell(column: Column, text: str, room: int) -> str:
    text = shorten(text, room, keep_end=column.vr == "UI")
    padding = " " * (room - width(text))
    return padding + text if column.vr in RIGHT else text + padding

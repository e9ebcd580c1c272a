"""Tables of text that fit the terminal."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from adit_cli.cli.wording import for_person, printable, shorten, width

GAP = 2
NARROWEST = 6


RIGHT = {"IS", "US", "UL", "DS", "FL"}
RIGID = {"DA", "TM", "IS", "US", "UL"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: its heading and the value representation (PS3.5 §6.2) that its cells follow."""

    title: str
    vr: str = "LO"


def render(columns: Sequence[Column], rows: Sequence[Sequence[str]], terminal_width: int = 0) -> str:
    """Return the rows under their headings, cut to the terminal's width, without the empty columns."""
    room = terminal_width or shutil.get_terminal_size().columns
    kept = [i for i in range(len(columns)) if any(row[i] for row in rows)]
    columns = [columns[i] for i in kept]
    cells = [[printable(for_person(columns[n].vr, row[i])) for n, i in enumerate(kept)] for row in rows]
    natural = [
        max(width(column.title), *(width(row[n]) for row in cells)) for n, column in enumerate(columns)
    ]
    widths = _fit(columns, natural, room)
    lines = [_line(columns, [column.title for column in columns], widths)]
    lines.append(_line(columns, ["─" * wide for wide in widths], widths))
    lines.extend(_line(columns, row, widths) for row in cells)
    return "\n".join(lines)


def _fit(columns: Sequence[Column], widths: Sequence[int], room: int) -> list[int]:
    """Take columns from the widest that may shrink until all fit, or until nothing more can be taken."""
    fitted = list(widths)
    excess = sum(fitted) + GAP * (len(fitted) - 1) - room
    while excess > 0:
        candidates = [
            i for i, column in enumerate(columns) if column.vr not in RIGID and fitted[i] > NARROWEST
        ]
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

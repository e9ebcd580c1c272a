"""What every kind of table is read into."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

Faults: TypeAlias = Callable[[int, str], None]
"""Takes the place of a record, and what is wrong with it."""
LONGEST_CELL = 100_000
"""Characters of a cell; what is longer is no cell of a table but a mistake."""


@dataclass(slots=True)
class Record:
    """One record of a table as text; the header is one too."""

    place: int
    """Counts what a person counts: lines of a sheet, records of a text; the first is 1."""
    cells: list[str]
    faults: dict[int, str] = field(default_factory=dict[int, str])
    """What is wrong with single cells, whatever they are for."""
    numbers: set[int] = field(default_factory=set[int])
    """In a typed table: which cells are numbers without a format of their own."""
    typed: bool = False
    """Whether the table tells numbers from texts."""
    in_sheet: bool = False
    """Whether a cell has a name such as B4."""

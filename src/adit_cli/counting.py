"""How many of what, in a sentence."""

from __future__ import annotations

from collections.abc import Sequence


def count(number: int, noun: str, plural: str = "") -> str:
    """Return `1 study`, `2 studies`, `12,000 instances`."""
    if number == 1:
        return f"1 {noun}"
    if not plural:
        plural = noun[:-1] + "ies" if noun.endswith("y") else noun if noun.endswith("s") else noun + "s"
    return f"{number:,} {plural}"


def first_of(everything: Sequence[str], most: int) -> list[str]:
    """Return the first of what is to be named, and `and 3 more` for the others."""
    more = len(everything) - most
    return [*everything[:most], f"and {more} more"] if more > 0 else list(everything)

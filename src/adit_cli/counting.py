"""How many of what, in a sentence."""

from __future__ import annotations


def count(number: int, noun: str, plural: str = "") -> str:
    """Return `1 study`, `2 studies`, `12,000 instances`."""
    if number == 1:
        return f"1 {noun}"
    if not plural:
        plural = noun[:-1] + "ies" if noun.endswith("y") else noun if noun.endswith("s") else noun + "s"
    return f"{number:,} {plural}"

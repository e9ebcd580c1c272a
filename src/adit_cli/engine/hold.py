"""Why studies are held back, as runs tell it and keep it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class HeldBy(StrEnum):
    """The key of `limits` that holds studies back."""

    WINDOW = "window"
    QUOTA = "studies_per_hour"


@dataclass(frozen=True, slots=True)
class Hold:
    """Why no study may begin, and when one may."""

    node: str
    by: HeldBy
    until: float

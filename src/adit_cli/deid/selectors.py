"""Which elements a rule of the job file means.

Written as keyword, `gggg,eeee`, `gggg,ee,CREATOR`, a path `A/B`, or a glob over keywords.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cache

from adit_cli.dicom.standard import elements

_HEX = re.compile(r"\(?([0-9A-Fa-f]{4}),? ?([0-9A-Fa-f]{4})\)?")
_PRIVATE = re.compile(r"\(?([0-9A-Fa-f]{3}[13579BDFbdf]),(?:xx)?([0-9A-Fa-f]{2}),(.{1,64}?)\)?")


@dataclass(frozen=True, slots=True)
class PrivateTag:
    """A private element by its creator, wherever its block was put (PS3.5 §7.8.1)."""

    group: int
    number: int
    creator: str


@dataclass(frozen=True, slots=True)
class Step:
    """One level of a selector: the tags it means, or one private element."""

    tags: frozenset[int] = frozenset()
    private: PrivateTag | None = None


@dataclass(frozen=True, slots=True)
class Selector:
    """Which elements are meant: of one step, those at any depth; of several, those at the end of a path."""

    text: str
    steps: tuple[Step, ...]

    @property
    def anywhere(self) -> bool:
        """Whether the element may stand at any depth."""
        return len(self.steps) == 1


def parse_selector(text: str) -> Selector:
    """Return what a rule's key means; ValueError where it names nothing that the standard knows."""
    private = parse_private(text)
    if private:
        return Selector(text, (Step(private=private),))
    steps = tuple(_step(part.strip()) for part in text.split("/"))
    return Selector(text, steps)


def parse_private(text: str) -> PrivateTag | None:
    """Return a private element written as `gggg,ee,CREATOR`, None where it is not written so."""
    found = _PRIVATE.fullmatch(text.strip())
    return PrivateTag(int(found[1], 16), int(found[2], 16), found[3].strip()) if found else None


def _step(text: str) -> Step:
    private = parse_private(text)
    if private:
        return Step(private=private)
    written = _HEX.fullmatch(text)
    if written:
        return Step(frozenset({int(written[1] + written[2], 16)}))
    tags = _tags_like(text) if set(text) & set("*?[") else _tags_of(text)
    if not tags:
        raise ValueError(f"no element has a keyword like {text!r}")
    return Step(tags)


def _tags_of(keyword: str) -> frozenset[int]:
    tag = _keywords().get(keyword)
    if tag is None:
        close = get_close_matches(keyword, _keywords(), n=1)
        raise ValueError(
            f"no element is called {keyword!r}" + (f"; did you mean {close[0]}?" if close else "")
        )
    return frozenset({tag})


def _tags_like(pattern: str) -> frozenset[int]:
    return frozenset(tag for keyword, tag in _keywords().items() if fnmatchcase(keyword, pattern))


@cache
def _keywords() -> dict[str, int]:
    return {entry[4]: tag for tag, entry in elements().items() if entry[4]}

"""Text patterns as people write them: a literal, DICOM wildcards, or /regex/flags.

They compare without regard to case (a regex only with the flag i), since servers disagree whether
to. No pattern can stall a run: wildcards are matched in one pass, a regex is stopped after a second.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from adit_cli.dicom.matching import Match, PatternError, as_match, values_of

if TYPE_CHECKING:
    from regex import Pattern

MAX_PATTERN = 1024
"""Characters of a pattern; no attribute that is searched by one is longer (PS3.5 §6.2)."""
MAX_VALUE = 10_240
"""Characters of a value that are looked at: the longest LT (PS3.5 §6.2)."""
PATIENCE = 1.0
"""Seconds of work on one value after which a regex counts as exploding."""
_REGEX = re.compile(r"/(?P<body>.+)/(?P<flags>[A-Za-z]*)", re.DOTALL)
_FLAGS = frozenset("imsx")


@dataclass(frozen=True, slots=True)
class TextRule:
    """One or more patterns, of which any may match any of an attribute's values."""

    patterns: tuple[str, ...]

    def __str__(self) -> str:
        return "\\".join(self.patterns)

    def matches(self, value: str | None) -> Match:
        """Return whether the attribute matches; `*` alone is satisfied even by an unknown value."""
        if "*" in self.patterns:
            return Match.YES
        if value is None:
            return Match.UNKNOWN
        parts = values_of(value[:MAX_VALUE])
        return as_match(matched=any(_fits(pattern, part) for pattern in self.patterns for part in parts))

    def single(self) -> str:
        """Return the one pattern that a server can match itself, or an empty string (universal matching)."""
        if len(self.patterns) != 1 or self.patterns[0].startswith("/") or self.patterns[0] == "*":
            return ""
        return self.patterns[0]


def parse_text(texts: Sequence[str]) -> TextRule:
    """Return the rule for these patterns; a literal may be a backslash list (PS3.4 §C.2.2.2.2)."""
    patterns: list[str] = []
    for text in texts:
        is_regex = text.lstrip().startswith("/")
        patterns += [_checked_regex(text)] if is_regex else [_checked(part) for part in text.split("\\")]
    if not patterns:
        raise PatternError("an empty list matches nothing: name at least one value, or leave the key out")
    return TextRule(tuple(patterns))


def has_wildcard(pattern: str) -> bool:
    """Return whether a literal pattern holds `*` or `?`."""
    return "*" in pattern or "?" in pattern


def wildcard_match(pattern: str, value: str) -> bool:
    """Return whether the whole value matches `*` (any run) and `?` (any one) (PS3.4 §C.2.2.2.4).

    On a mismatch only the last `*` takes one character more, so work is at most the product of both lengths.
    """
    at = seen = 0
    star, restart = -1, 0
    while seen < len(value):
        if at < len(pattern) and pattern[at] == "*":
            star, restart = at, seen
            at += 1
        elif at < len(pattern) and pattern[at] in ("?", value[seen]):
            at += 1
            seen += 1
        elif star >= 0:
            restart += 1
            at, seen = star + 1, restart
        else:
            return False
    return not pattern[at:].strip("*")


def _fits(pattern: str, value: str) -> bool:
    if pattern.startswith("/"):
        return _search(pattern, value)
    wanted = _plain(pattern)
    return any(wildcard_match(wanted, _plain(form)) for form in (value, *_name_groups(value)))


def _name_groups(value: str) -> list[str]:
    """Return the alphabetic, ideographic and phonetic form of a person name (PS3.5 §6.2.1)."""
    return value.split("=") if "^" in value and "=" in value else []


def _plain(text: str) -> str:
    return text.casefold().strip(" ").rstrip("^ ")


def _checked(pattern: str) -> str:
    text = pattern.strip()
    if not text:
        raise PatternError("an empty pattern matches everything: write a value, or leave the key out")
    if len(text) > MAX_PATTERN:
        raise PatternError(f"a pattern of {len(text)} characters: at most {MAX_PATTERN} are possible")
    return text


def _checked_regex(text: str) -> str:
    pattern = _checked(text)
    found = _REGEX.fullmatch(pattern)
    if found is None:
        raise PatternError(
            f"{pattern!r} begins like a regular expression: end it with / and flags, as in /thin|chest/i"
        )
    unknown = sorted(set(found["flags"].lower()) - _FLAGS)
    if unknown:
        raise PatternError(f"unknown flag {unknown[0]!r} of {pattern}: i, m, s and x are possible")
    for probe in _probes(found["body"]):
        _search(pattern, probe, patience=PATIENCE / 4)
    return pattern


def _probes(body: str) -> list[str]:
    """Return values on which a pattern that explodes at all is likely to."""
    letters = dict.fromkeys([*filter(str.isalnum, body[:64]), "0", "a", " "])
    repeated = [letter * 64 + "\0" for letter in letters]
    return [(body * 64)[:64], *repeated]


def _search(pattern: str, value: str, *, patience: float = PATIENCE) -> bool:
    try:
        return _compiled(pattern).search(value, timeout=patience) is not None
    except TimeoutError:
        raise PatternError(
            f"the regular expression {pattern} takes far too long: avoid repeats inside repeats, as in (a+)+"
        ) from None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Pattern[str]:
    import regex  # noqa: PLC0415 - only jobs with a regex pay for its import

    found = _REGEX.fullmatch(pattern)
    body, flags = (found["body"], found["flags"].lower()) if found else (pattern, "")
    try:
        return regex.compile(body, sum({getattr(regex, flag.upper()) for flag in flags}))
    except (regex.error, OverflowError) as error:
        raise PatternError(f"the regular expression {pattern} is not valid: {error}") from None

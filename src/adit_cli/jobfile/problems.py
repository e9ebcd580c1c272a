"""What is wrong with a file, and how it is said: `file:line:column: path: message`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeAlias

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

Loc: TypeAlias = tuple[str | int, ...]
SHOWN = 50
SHORT = 4


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a file, at a place in it where one is known."""

    message: str
    loc: Loc = ()
    line: int = 0
    column: int = 0

    def render(self, name: str) -> str:
        """Return the problem as one line that editors can jump to."""
        place = f"{name}:{self.line}:{self.column}" if self.line else name
        path = as_path(self.loc)
        return f"{place}: {path}: {self.message}" if path else f"{place}: {self.message}"


def as_path(loc: Loc) -> str:
    """Return where in the file something is, as people write it: `destinations[1].folder`."""
    path = ""
    for step in loc:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path


def render_all(problems: Iterable[Problem], name: str) -> str:
    """Return all problems in the order of the file, one a line."""
    ordered = sorted(problems, key=lambda problem: (problem.line, problem.column))
    lines = list(dict.fromkeys(problem.render(name) for problem in ordered))
    rest = len(lines) - SHOWN
    return "\n".join([*lines[:SHOWN], *([f"{name}: and {rest} more problems"] if rest > 0 else [])])


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ` (did you mean …?)` where one of the known words is close, else nothing."""
    by_fold = {name.casefold(): name for name in known}
    cutoff = 0.6 if len(word) <= SHORT else 0.7
    close = get_close_matches(word.casefold(), by_fold, n=1, cutoff=cutoff)
    return f" (did you mean {by_fold[close[0]]}?)" if close else ""


def fail_at(title: str, messages: Mapping[str, str]) -> None:
    """Raise a validation error with each message at its own key; do nothing without messages."""
    if not messages:
        return
    raise ValidationError.from_exception_data(
        title,
        [
            InitErrorDetails(
                type=PydanticCustomError("misplaced", "{error}", {"error": message}), loc=(key,), input=None
            )
            for key, message in messages.items()
        ],
    )

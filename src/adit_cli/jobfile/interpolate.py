"""Fill in `${NAME}` and `${NAME:-default}`, and keep what came from outside out of messages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping as AnyMapping
from typing import TypeAlias, assert_never

from adit_cli.jobfile.problems import Loc, Problem, did_you_mean
from adit_cli.jobfile.tree import Mapping, Scalar, Sequence, Tree

Plain: TypeAlias = str | list["Plain"] | dict[str, "Plain"] | None
_VARIABLE = re.compile(
    r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}|(?P<bad>\$\{)"
)
MIN_MASKED = 4
"""Shorter values are not replaced all over: they occur in any text by chance."""


class Interpolation:
    """One pass over a file's tree; remembers what it put in, and where."""

    def __init__(self, variables: AnyMapping[str, str], environment: AnyMapping[str, str]) -> None:
        self._given = {**environment, **variables}
        self._filled: dict[str, set[str]] = {}
        self._values: dict[str, str] = {}
        self.used: set[str] = set()
        self.problems: list[Problem] = []

    def plain(self, tree: Tree, loc: Loc = ()) -> Plain:
        """Return the tree as plain data, with the variables filled in."""
        match tree:
            case Scalar():
                return self._nothing(tree, loc) if tree.is_null else self._fill(tree, loc)
            case Sequence():
                return [self.plain(item, (*loc, at)) for at, item in enumerate(tree.items)]
            case Mapping():
                return {key: self.plain(value, (*loc, key)) for key, value in tree.values.items()}
            case _:
                assert_never(tree)

    def masked(self, message: str, about: Tree) -> str:
        """Return a message without the values of variables; they may be secrets.

        A message about a text that a variable is part of may quote any piece of it, so it is kept only if
        it shares no word with it.
        """
        for value, name in sorted(self._values.items(), key=lambda pair: -len(pair[0])):
            if len(value) >= MIN_MASKED:
                message = message.replace(value, f"${{{name}}}").replace(repr(value)[1:-1], f"${{{name}}}")
        said = _words(message)
        telling = (
            scalar.text
            for scalar in _scalars(about)
            if any(_words(value) & said for value in self._filled.get(scalar.text, ()))
        )
        text = next(telling, None)
        return message if text is None else f"what {text} stands for is not possible here"

    def _nothing(self, scalar: Scalar, loc: Loc) -> None:
        """Report a key without a value: `deidentify:` alone would else pass for one that was left out."""
        self._report("nothing is written here: give a value, or leave the key out", scalar, loc)

    def _fill(self, scalar: Scalar, loc: Loc) -> str:
        return _VARIABLE.sub(lambda found: self._value(found, scalar, loc), scalar.text)

    def _value(self, found: re.Match[str], scalar: Scalar, loc: Loc) -> str:
        name = found["name"]
        if found[0] == "$${":
            return "${"
        if name is None:
            self._report("${ begins a variable: write ${NAME}, or $${ for the two characters", scalar, loc)
            return found[0]
        self.used.add(name)
        given = self._given.get(name)
        if not given and found["default"] is not None:
            return str(found["default"])
        if given is None:
            close = did_you_mean(name, self._given)
            how = f"set it in the environment, give --var {name}=VALUE, or write ${{{name}:-default}}"
            self._report(f"the variable {name} is not set{close}: {how}", scalar, loc)
            return found[0]
        if given.strip():
            self._values[given.strip()] = name
            self._filled.setdefault(scalar.text, set()).add(given)
        return given

    def _report(self, message: str, scalar: Scalar, loc: Loc) -> None:
        self.problems.append(Problem(message, loc, scalar.line, scalar.column))


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))


def _scalars(tree: Tree) -> Iterator[Scalar]:
    match tree:
        case Scalar():
            yield tree
        case Sequence():
            for item in tree.items:
                yield from _scalars(item)
        case Mapping():
            for value in tree.values.values():
                yield from _scalars(value)
        case _:
            assert_never(tree)


def unused(variables: AnyMapping[str, str], used: set[str]) -> list[Problem]:
    """Return a problem for each given variable that nothing uses: more often than not a typing error."""
    return [
        Problem(f"--var {name}: nothing uses ${{{name}}}{did_you_mean(name, used)}")
        for name in variables
        if name not in used
    ]

"""Fill in `${NAME}` and `${NAME:-default}`, and keep what came from outside out of messages."""

from __future__ import annotations

import re
from collections.abc import Mapping as AnyMapping
from typing import TypeAlias

from adit_cli.jobfile.problems import Loc, Problem, did_you_mean
from adit_cli.jobfile.tree import Mapping, Scalar, Sequence, Tree

Plain: TypeAlias = str | list["Plain"] | dict[str, "Plain"] | None
_VARIABLE = re.compile(
    r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}|(?P<bad>\$\{)"
)
MIN_MASKED = 4
"""Values shorter than this are only masked where they stand: they occur in any text by chance."""


class Interpolation:
    """One pass over a file's tree; remembers what it put in, and where."""

    def __init__(self, variables: AnyMapping[str, str], environment: AnyMapping[str, str]) -> None:
        self._given = {**environment, **variables}
        self._filled: dict[int, Scalar] = {}
        self._values: dict[str, str] = {}
        self.used: set[str] = set()
        self.problems: list[Problem] = []

    def plain(self, tree: Tree, loc: Loc = ()) -> Plain:
        """Return the tree as plain data, with the variables filled in."""
        match tree:
            case Scalar():
                return None if tree.is_null else self._fill(tree, loc)
            case Sequence():
                return [self.plain(item, (*loc, at)) for at, item in enumerate(tree.items)]
            case Mapping():
                return {key: self.plain(value, (*loc, key)) for key, value in tree.values.items()}

    def is_filled(self, scalar: Scalar) -> bool:
        """Return whether any of the scalar's text came from a variable."""
        return id(scalar) in self._filled

    def masked(self, message: str, *, here: bool) -> str:
        """Return a message with the values of variables replaced by their names.

        Values of a few letters are only replaced where the message is about the very text they are in.
        """
        for value, name in sorted(self._values.items(), key=lambda pair: -len(pair[0])):
            if here or len(value) >= MIN_MASKED:
                message = re.sub(
                    re.escape(value), f"${{{name}}}".replace("\\", "\\\\"), message, flags=re.IGNORECASE
                )
        return message

    def _fill(self, scalar: Scalar, loc: Loc) -> str:
        text = _VARIABLE.sub(lambda found: self._value(found, scalar, loc), scalar.text)
        if text != scalar.text:
            self._filled[id(scalar)] = scalar
        return text

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
        return given

    def _report(self, message: str, scalar: Scalar, loc: Loc) -> None:
        self.problems.append(Problem(message, loc, scalar.line, scalar.column))


def unused(variables: AnyMapping[str, str], used: set[str]) -> list[Problem]:
    """Return a problem for each given variable that nothing uses: more often than not a typing error."""
    return [
        Problem(f"--var {name}: nothing uses ${{{name}}}{did_you_mean(name, used)}")
        for name in variables
        if name not in used
    ]

"""Say in the words of a job file what pydantic found wrong with it, and where it stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from adit_cli.jobfile.interpolate import Interpolation
from adit_cli.jobfile.problems import Loc, Problem, did_you_mean
from adit_cli.jobfile.schema import Schema, is_secret, keys_at, schema_of
from adit_cli.jobfile.tree import Mapping, Scalar, Sequence, Tree

SHOWN = 60
"""Characters of an offending text that are shown."""

_WORDS = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "dict_type": "must be a mapping (key: value)",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number",
    "int_type": "must be a whole number",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "list_type": "must be a list",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "mapping_type": "must be a mapping (key: value)",
    "model_attributes_type": "must be a mapping (key: value)",
    "model_type": "must be a mapping (key: value)",
    "path_type": "must be a path",
    "string_pattern_mismatch": "has a sign in it that is not possible here",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must have at least {min_length} characters",
    "string_type": "must be a text",
    "too_short": "must have at least {min_length} of them",
    "tuple_type": "must be a list",
    "key": "{error}",
    "misplaced": "{error}",
    "value_error": "{error}",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the file a step of pydantic's ends up."""

    loc: Loc
    line: int
    column: int
    tree: Tree


@dataclass(frozen=True, slots=True)
class Explainer:
    """Turns errors into problems; knows the file's text, its variables and which keys exist."""

    tree: Tree
    filled: Interpolation
    kind: type[BaseModel]

    @property
    def schema(self) -> Schema:
        """Return the schema of what is read; made when the first problem needs it."""
        return schema_of(self.kind)

    def place(self, loc: Loc) -> Place:
        """Return the deepest place that the file has; steps for pydantic's own unions are left out."""
        place = Place((), self.tree.line, self.tree.column, self.tree)
        for step in loc:
            place = _step(place, step)
        return place

    def explain(self, errors: Iterable[ErrorDetails]) -> list[Problem]:
        """Return a problem for each error."""
        return [self._one(error) for error in errors]

    def at(self, loc: Loc, message: str) -> Problem:
        """Return a problem found by a check of ours, which says all there is to say."""
        place = self.place(loc)
        return self._problem(place, message)

    def _one(self, error: ErrorDetails) -> Problem:
        loc = error["loc"]
        place = self.place(loc)
        if error["type"] == "missing":
            return self._problem(place, f"the key {loc[-1]} is missing")
        if error["type"] == "extra_forbidden":
            return self._unknown_key(place, keys_at(self.schema, place.loc[:-1]))
        if loc[-1:] == ("[key]",) and error["type"] == "literal_error":
            return self._unknown_key(place, _expected(error))
        if loc[-1:] == ("[key]",) or error["type"] == "key":
            return self._problem(self._key_of(place), _message(error))
        shown = "" if error["type"] == "misplaced" else self._shown(place, error)
        return self._problem(place, _message(error) + shown)

    def _unknown_key(self, place: Place, known: list[str]) -> Problem:
        close = did_you_mean(str(place.loc[-1]), known)
        choice = close or f": {', '.join(known)} are known here" * bool(known)
        return self._problem(self._key_of(place), f"unknown key{choice}")

    def _key_of(self, place: Place) -> Place:
        parent = self.place(place.loc[:-1]).tree
        key = parent.keys.get(str(place.loc[-1])) if isinstance(parent, Mapping) else None
        return Place(place.loc, key.line, key.column, key) if key else place

    def _shown(self, place: Place, error: ErrorDetails) -> str:
        """Return what stands there instead, unless it is a secret, no single text, or all of the file.

        Whoever takes a cohort for a job file finds no patients in the answer.
        """
        tree = place.tree
        if not place.loc or not isinstance(tree, Scalar) or is_secret(self.schema, place.loc):
            return ""
        text = tree.text if len(tree.text) <= SHOWN else tree.text[: SHOWN - 1] + "…"
        quoted = "" if tree.text in _message(error) else f", not {text!r}"
        return quoted + did_you_mean(tree.text, _expected(error))

    def _problem(self, place: Place, message: str) -> Problem:
        return Problem(self.filled.masked(message, place.tree), place.loc, place.line, place.column)


def _step(place: Place, step: str | int) -> Place:
    tree = place.tree
    if isinstance(tree, Mapping) and step in tree.values:
        child = tree.values[step]
        return Place((*place.loc, step), child.line, child.column, child)
    if isinstance(tree, Sequence) and isinstance(step, int) and step < len(tree.items):
        child = tree.items[step]
        return Place((*place.loc, step), child.line, child.column, child)
    return place


def _message(error: ErrorDetails) -> str:
    words = _WORDS.get(error["type"])
    if words is None:
        return error["msg"][:1].lower() + error["msg"][1:]
    return words.format(**error.get("ctx", {}))


def _expected(error: ErrorDetails) -> list[str]:
    """Return the words of which one must stand here, from `'a', 'b' or 'c'`."""
    expected = str(error.get("ctx", {}).get("expected", ""))
    return [word.strip(" '\"") for word in expected.replace(" or ", ",").split(",") if word.strip()]

"""YAML as a tree of texts that knows where everything stands.

Scalars stay the text that was written: `no` and `on` are words, `00123` keeps its zeros, and the
models alone decide what is a number. Built from parser events, so that nesting, aliases and size are
bounded before anything grows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias, cast

import yaml

from adit_cli.jobfile.problems import Problem, did_you_mean

MAX_DEPTH = 32
MAX_NODES = 100_000
_PARSE: object = yaml.parse  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - no stub
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_PLAIN_TAGS = frozenset({None, "!", "tag:yaml.org,2002:str"})
_HINTS = {
    "alias": "quote a text that begins with *",
    "anchor": "quote a text that begins with &",
    "mapping values": "quote a text that holds a colon and a blank",
    "\\t": "indent with blanks, not tabs",
    "cannot start any token": "quote a text that begins with such a sign",
    "expected ',' or": "a bracket or quote may be missing, or a text with [ ] { } needs quotes",
    "expected <block end>": "check the indentation",
    "could not find expected ':'": "a colon may be missing, or the indentation is off",
    "<document start>": "check the indentation",
    "found unexpected end of stream": "a quote or bracket is never closed",
}


class BrokenYamlError(Exception):
    """The text is not YAML that we read; holds the problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass(slots=True)
class Scalar:
    """A text; `is_null` where nothing was written."""

    line: int
    column: int
    text: str
    is_null: bool = False
    size: int = 1


@dataclass(slots=True)
class Sequence:
    """A list."""

    line: int
    column: int
    items: list[Tree] = field(default_factory=list["Tree"])
    size: int = 1


@dataclass(slots=True)
class Mapping:
    """A mapping; keys are scalars, since nothing else can be a key of a job file."""

    line: int
    column: int
    keys: dict[str, Scalar] = field(default_factory=dict[str, Scalar])
    values: dict[str, Tree] = field(default_factory=dict[str, "Tree"])
    size: int = 1


Tree: TypeAlias = Scalar | Sequence | Mapping


def read_tree(text: str) -> tuple[Tree | None, list[Problem]]:
    """Return the one document of the text, None if it is empty, and keys that stand twice.

    Raises BrokenYamlError where nothing sensible can be made of it.
    """
    reader = _Reader(text)
    try:
        return reader.document(), reader.problems
    except yaml.MarkedYAMLError as error:
        raise BrokenYamlError(_syntax_problem(error)) from error
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise BrokenYamlError(
            Problem("a control character is not allowed here", line=place[0], column=place[1])
        ) from error


def _syntax_problem(error: yaml.MarkedYAMLError) -> Problem:
    said = f"{error.problem or ''} {error.context or ''}".strip()
    hint = next((hint for sign, hint in _HINTS.items() if sign in said), "")
    mark = error.problem_mark or error.context_mark
    message = f"not valid YAML: {error.problem or error.context}" + (f": {hint}" if hint else "")
    return Problem(message, line=mark.line + 1 if mark else 0, column=mark.column + 1 if mark else 0)


class _Reader:
    """Builds a tree from parser events, counting as it goes."""

    def __init__(self, text: str) -> None:
        self._events = cast("Callable[..., Iterator[yaml.Event]]", _PARSE)(text, Loader=yaml.SafeLoader)
        self._anchors: dict[str, Tree] = {}
        self._count = 0
        self.problems: list[Problem] = []

    def document(self) -> Tree | None:
        """Return the root of the only document."""
        next(self._events)
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None
        root = self._node(next(self._events), 0)
        next(self._events)
        following = next(self._events)
        if not isinstance(following, yaml.StreamEndEvent):
            raise _broken(following, "a second document begins here: keep one job a file")
        return root

    def _node(self, event: yaml.Event, depth: int) -> Tree:
        if depth > MAX_DEPTH:
            raise _broken(event, f"nested more than {MAX_DEPTH} levels deep")
        if isinstance(event, yaml.AliasEvent):
            return self._counted(event, self._alias(event))
        node = cast("yaml.ScalarEvent | yaml.CollectionStartEvent", event)
        if node.tag not in _PLAIN_TAGS:
            raise _broken(event, "tags (!!…) are not used in job files: write the plain value")
        tree = self._fresh(node, depth)
        if node.anchor:
            self._anchors[node.anchor] = tree
        return tree

    def _fresh(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, depth: int) -> Tree:
        line, column = _place(event)
        if isinstance(event, yaml.ScalarEvent):
            is_null = event.style is None and event.tag is None and event.value in _NULLS
            return self._counted(event, Scalar(line, column, event.value, is_null))
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(Mapping(line, column), depth)
        return self._sequence(Sequence(line, column), depth)

    def _sequence(self, sequence: Sequence, depth: int) -> Sequence:
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            item = self._node(event, depth + 1)
            sequence.items.append(item)
            sequence.size += item.size
        return sequence

    def _mapping(self, mapping: Mapping, depth: int) -> Mapping:
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            value = self._node(next(self._events), depth + 1)
            mapping.size += key.size + value.size
            self._put(mapping, key, value)
        return mapping

    def _put(self, mapping: Mapping, key: Tree, value: Tree) -> None:
        if not isinstance(key, Scalar):
            message = (
                "a list or mapping cannot be a key: quote a text with [ ] { }, also ${NAME} inside braces"
            )
            self.problems.append(Problem(message, line=key.line, column=key.column))
        elif key.text in mapping.keys:
            first = mapping.keys[key.text].line
            message = f"the key {key.text} stands here a second time, first in line {first}: keep one of them"
            self.problems.append(Problem(message, line=key.line, column=key.column))
        else:
            mapping.keys[key.text] = key
            mapping.values[key.text] = value

    def _alias(self, event: yaml.AliasEvent) -> Tree:
        name = event.anchor or ""
        if name not in self._anchors:
            known = did_you_mean(name, self._anchors)
            raise _broken(event, f"*{name} refers to nothing{known}: quote a text that begins with *")
        return self._anchors[name]

    def _counted(self, event: yaml.Event, tree: Tree) -> Tree:
        self._count += tree.size
        if self._count > MAX_NODES:
            raise _broken(event, f"more than {MAX_NODES} values: keep long lists in files of their own")
        return tree


def _place(event: yaml.Event) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _broken(event: yaml.Event, message: str) -> BrokenYamlError:
    line, column = _place(event)
    return BrokenYamlError(Problem(message, line=line, column=column))

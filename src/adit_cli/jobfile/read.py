"""From a file to a checked model, or to all of its problems at once; the same for job and config."""

from __future__ import annotations

import os
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import ValidationError

from adit_cli.errors import JobFileError
from adit_cli.jobfile.explain import Explainer
from adit_cli.jobfile.interpolate import Interpolation, Plain
from adit_cli.jobfile.node import Strict
from adit_cli.jobfile.problems import Problem, did_you_mean, render_all
from adit_cli.jobfile.tree import BrokenYamlError, Mapping, Scalar, Tree, read_tree
from adit_cli.jobfile.values import Reading

MAX_BYTES = 1_000_000
Model = TypeVar("Model", bound=Strict)


@dataclass(frozen=True, slots=True)
class Values:
    """Where variables come from: what was given on the command line wins over the environment."""

    given: AnyMapping[str, str]
    environment: AnyMapping[str, str] | None = None
    """That of the process, if None."""


@dataclass(frozen=True, slots=True)
class Written(Generic[Model]):
    """What was read: the model if it is one, else the data it was to be made from, and the problems."""

    path: Path
    model: Model | None
    plain: dict[str, Plain]
    explainer: Explainer
    problems: list[Problem]
    used: frozenset[str]
    """The variables that the file uses."""

    @property
    def is_empty(self) -> bool:
        """Return whether nothing is written in the file."""
        return self.explainer.tree.size == 1 and isinstance(self.explainer.tree, Mapping)

    def checked(self) -> Model:
        """Return the model; raise JobFileError with all problems if there are any."""
        if self.problems or self.model is None:
            raise JobFileError(render_all(self.problems, str(self.path)))
        return self.model


def read(path: Path, kind: type[Model], values: Values, at: Reading) -> Written[Model]:
    """Read a file as this kind of model."""
    tree, problems = _tree(path)
    filled = Interpolation(values.given, os.environ if values.environment is None else values.environment)
    plain = filled.plain(tree)
    explainer = Explainer(tree, filled, kind)
    problems += filled.problems
    model: Model | None = None
    try:
        model = kind.model_validate(plain, context=at)
    except ValidationError as error:
        known = {(problem.line, problem.column) for problem in filled.problems}
        found = explainer.explain(error.errors(include_url=False))
        problems += [problem for problem in found if (problem.line, problem.column) not in known]
    data = plain if isinstance(plain, dict) else {}
    return Written(path, model, data, explainer, problems, frozenset(filled.used))


def _tree(path: Path) -> tuple[Tree, list[Problem]]:
    try:
        tree, problems = read_tree(_text(path))
    except BrokenYamlError as error:
        raise JobFileError(error.problem.render(str(path))) from None
    if tree is None or (isinstance(tree, Scalar) and tree.is_null):
        return Mapping(1, 1), problems
    return tree, problems


def _text(path: Path) -> str:
    try:
        data = path.read_bytes() if path.stat().st_size <= MAX_BYTES else None
    except (OSError, ValueError) as error:
        raise JobFileError(f"cannot read {path}: {_why(path, error)}") from error
    if data is None:
        raise JobFileError(f"{path} is larger than {MAX_BYTES} bytes: keep long lists in files of their own")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise JobFileError(f"{path}:{line}:1: not a text in UTF-8: save the file in that encoding") from None


def _why(path: Path, error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError) and path.parent.is_dir():
        names = [entry.name for entry in path.parent.iterdir() if entry.suffix in {".yaml", ".yml"}]
        return f"there is no such file{did_you_mean(path.name, names)}"
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)

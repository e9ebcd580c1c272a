"""Add and remove nodes of a config file, leaving every other line of it as its owner wrote it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TypeAlias, cast

import platformdirs
import yaml

from adit_cli.errors import JobFileError, UsageError
from adit_cli.jobfile.addressing import find_config
from adit_cli.jobfile.config import Config, load_config
from adit_cli.jobfile.node import FolderNode, NodeSpec, ServerNode

Pairs: TypeAlias = list[tuple[yaml.ScalarNode, yaml.Node]]

INDENT = 2
PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600


def config_to_edit(explicit: Path | None) -> Path:
    """Return the config in use, or where a new one belongs."""
    return (
        find_config(explicit) or Path(platformdirs.user_config_dir("adit", appauthor=False)) / "config.yaml"
    )


def add_node(path: Path, name: str, node: NodeSpec) -> None:
    """Write a node into the config, made if it is missing; a name that is taken is an error."""
    if name in _load(path).nodes:
        raise UsageError(
            f"{path} has a node {name} already", hint=f"remove it first: adit nodes remove {name}"
        )
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    found = _nodes_in(lines, path)
    if found is None:
        lines += ["nodes:", f"{' ' * INDENT}{name}: {_flow(node)}"]
    else:
        start = found[1].start_mark
        lines.insert(start.line, f"{' ' * start.column}{name}: {_flow(node)}")
    _replace(path, lines)


def remove_node(path: Path, name: str) -> None:
    """Take a node out of the config, and `nodes:` with the last one."""
    if name not in _load(path).nodes:
        raise UsageError(f"{path} has no node {name}")
    lines = path.read_text("utf-8").splitlines()
    found = _nodes_in(lines, path)
    pairs = _pairs(found[1]) if found else []
    for key, value in [found] if found and len(pairs) == 1 else pairs:
        if key.value in {name, "nodes"}:
            first, after = _extent(lines, key, value)
            _replace(path, lines[:first] + lines[after:])


def _load(path: Path) -> Config:
    return load_config(path) if path.exists() else Config()


def _flow(node: NodeSpec) -> str:
    match node:
        case FolderNode():
            pairs = {"folder": str(node.folder)}
        case ServerNode():
            peer, web = node.dimse, node.dicomweb
            pairs = {"dimse": f"{peer.ae_title}@{peer.host}:{peer.port}"} if peer else {}
            pairs |= {"dicomweb": web.url} if web else {}
    return "{" + ", ".join(f"{key}: {json.dumps(value)}" for key, value in pairs.items()) + "}"


def _pairs(mapping: yaml.MappingNode) -> Pairs:
    return cast("Pairs", mapping.value)


def _nodes_in(lines: list[str], path: Path) -> tuple[yaml.ScalarNode, yaml.MappingNode] | None:
    """Return the key `nodes` and its mapping, if it is there."""
    root = yaml.SafeLoader("".join(f"{line}\n" for line in lines)).get_single_node()
    for key, value in _pairs(root) if isinstance(root, yaml.MappingNode) else []:
        if key.value == "nodes" and isinstance(value, yaml.MappingNode):
            if value.flow_style:
                raise UsageError(f"{path}: `nodes` is written on one line", hint="edit it by hand")
            return key, value
    return None


def _extent(lines: list[str], key: yaml.ScalarNode, value: yaml.Node) -> tuple[int, int]:
    """Return the lines of an entry: its first, and the one after its last."""
    first, after = key.start_mark.line, value.end_mark.line
    is_block = isinstance(value, yaml.CollectionNode) and not value.flow_style
    return first, _without_comments(lines, first, after if is_block else after + 1)


def _without_comments(lines: list[str], first: int, after: int) -> int:
    """Return where a block ends before the blank lines and comments that belong to what follows."""
    while after > first + 1 and (not lines[after - 1].strip() or lines[after - 1].lstrip().startswith("#")):
        after -= 1
    return after


def _replace(path: Path, lines: list[str]) -> None:
    """Put the new text in place whole or not at all, after it has proved to be a config."""
    draft = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in lines))
        load_config(draft)
        draft.replace(path)
    except JobFileError as error:
        raise JobFileError(error.message.replace(str(draft), str(path))) from error
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)

"""The reference page of the job file and its schema file, written from the models.

`python -m adit_cli.jobfile.reference docs` writes both; a test holds them current.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import cast

import yaml

from adit_cli.jobfile.schema import Schema, Value, job_schema

PAGE = "job-file.md"
SCHEMA = "adit-job.schema.json"
_TOP = ("adit", "name", "description", "nodes", "source", "destinations", "select", "key", "key_file")
_TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "mapping",
    "null": "",
}
_PATTERN_KEY = "NAME"


@dataclass(frozen=True, slots=True)
class Block:
    """A mapping of the job file: its keys make one table of the page."""

    path: str
    schema: Schema


def schema_text() -> str:
    """Return the schema file's content."""
    return json.dumps(job_schema(), indent=2, ensure_ascii=False) + "\n"


def page_text() -> str:
    """Return the reference page: an introduction, then every block with every key."""
    root = job_schema()
    introduction = files("adit_cli.jobfile").joinpath("reference.md").read_text("utf-8")
    return introduction + "".join(_section(root, block) for block in _blocks(root))


def write(folder: Path) -> None:
    """Write the page and the schema into the documentation's folder."""
    (folder / PAGE).write_text(page_text(), "utf-8")
    (folder / SCHEMA).write_text(schema_text(), "utf-8")


def _blocks(root: Schema) -> Iterator[Block]:
    """Yield the blocks from the outermost in, each where it is met first."""
    waiting = [Block("", root)]
    met: set[str] = set()
    while waiting:
        block = waiting.pop(0)
        yield block
        inner: list[Block] = []
        for key, schema in _properties(block.schema):
            for name, below in _references(schema):
                path = f"{block.path}.{key}{below}".strip(".")
                if name not in met:
                    met.add(name)
                    inner.append(Block(path, cast("dict[str, Schema]", root["$defs"])[name]))
        waiting = inner + waiting


def _properties(schema: Schema) -> list[tuple[str, Schema]]:
    """Return the keys in the order in which people write them: the whole file's own, and `where` last."""
    properties = cast("dict[str, Schema]", schema.get("properties", {}))
    first = [key for key in _TOP if key in properties] if "adit" in properties else []
    keys = [*first, *(key for key in properties if key not in {*first, "where"})]
    return [(key, properties[key]) for key in [*keys, *({"where"} & properties.keys())]]


def _references(schema: Schema, below: str = "") -> Iterator[tuple[str, str]]:
    """Yield the definitions that a value may be, and the step to it from its key."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        yield name, below
    for word in ("anyOf", "oneOf", "allOf"):
        for form in cast("list[Schema]", schema.get(word, [])):
            yield from _references(form, below)
    for word, step in (("items", "[]"), ("additionalProperties", f".{_PATTERN_KEY}")):
        child = schema.get(word)
        if isinstance(child, dict):
            yield from _references(child, below + step)
    for child in cast("dict[str, Schema]", schema.get("patternProperties", {})).values():
        yield from _references(child, f"{below}.{_PATTERN_KEY}")


def _section(root: Schema, block: Block) -> str:
    properties = _properties(block.schema)
    rows = [_row(root, key, schema, block.schema) for key, schema in properties]
    if not rows:
        return ""
    title = f"## `{block.path}`{_apart(block, properties)}" if block.path else "## The whole file"
    about = "" if not block.path else f"\n{_about(block.schema)}\n"
    head = "| key | type | default | meaning | example |\n|---|---|---|---|---|\n"
    return f"\n{title}\n{about}\n{head}{''.join(rows)}"


def _about(schema: Schema) -> str:
    return " ".join(str(schema.get("description", "")).split())


def _apart(block: Block, properties: list[tuple[str, Schema]]) -> str:
    """Return what tells apart the kinds of node, which stand at the same place."""
    return f" with `{properties[0][0]}`" if block.path.endswith(_PATTERN_KEY) else ""


def _row(root: Schema, key: str, schema: Schema, parent: Schema) -> str:
    required = key in cast("list[str]", parent.get("required", []))
    target = _target(root, schema)
    cells = (
        f"`{key}`",
        _type(root, schema),
        "**required**" if required else _default(schema),
        _sentence(_about(schema) or _about(target)),
        "see below" if target is not schema and "examples" not in schema else _example(schema),
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _target(root: Schema, schema: Schema) -> Schema:
    """Return the block that a value is, where it is one; else the schema itself."""
    for form in (schema, *cast("list[Schema]", schema.get("anyOf", []))):
        if "$ref" in form:
            return cast("dict[str, Schema]", root["$defs"])[str(form["$ref"]).rpartition("/")[2]]
    return schema


def _example(schema: Schema) -> str:
    examples = _list(schema, "examples")
    return _code(examples[0]) if examples else _default(schema)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "." if text else ""


def _default(schema: Schema) -> str:
    default = schema.get("default")
    return "" if default in (None, {}, [], "") or isinstance(default, dict) else _code(default)


def _code(value: Value) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=1000, sort_keys=False, allow_unicode=True)
    return f"`{text.removesuffix('...' + chr(10)).strip()}`"


def _type(root: Schema, schema: Schema) -> str:
    """Return the forms that a value may have, in words."""
    return ", or ".join(dict.fromkeys(form for form in _forms(root, schema) if form))


def _forms(root: Schema, schema: Schema) -> Iterator[str]:
    if "$ref" in schema:
        target = cast("dict[str, Schema]", root["$defs"])[str(schema["$ref"]).rpartition("/")[2]]
        yield from _forms(root, target) if "properties" not in target else ["mapping"]
        return
    alternatives = [
        form for word in ("anyOf", "oneOf") for form in cast("list[Schema]", schema.get(word, []))
    ]
    for form in alternatives:
        yield from _forms(root, form)
    if not alternatives:
        yield _form(root, schema)


def _list(schema: Schema, word: str) -> list[Value]:
    return cast("list[Value]", schema.get(word, []))


def _form(root: Schema, schema: Schema) -> str:
    if "enum" in schema or "const" in schema:
        words = cast("list[Value]", schema.get("enum", [schema.get("const")]))
        return " or ".join(f"`{word}`" for word in words)
    if str(schema.get("pattern", "")).startswith("^\\$"):
        return ""
    if schema.get("type") == "array":
        items = schema.get("items")
        return f"list of {_type(root, items)}" if isinstance(items, dict) else "list"
    kinds = schema.get("type")
    names = kinds if isinstance(kinds, list) else [kinds]
    return ", or ".join(_TYPES.get(str(name), "") for name in names)


if __name__ == "__main__":
    write(Path(sys.argv[1]))

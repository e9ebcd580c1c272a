"""The job file's JSON Schema: what editors complete and check, and what our own messages look keys up in."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TypeAlias, cast

from pydantic import BaseModel

from adit_cli.jobfile.problems import Loc

Value: TypeAlias = "dict[str, Value] | list[Value] | str | int | float | bool | None"
Schema: TypeAlias = dict[str, Value]
_BY_NAME = frozenset({"properties", "patternProperties", "$defs"})
_LISTS = frozenset({"anyOf", "oneOf", "allOf"})
_SINGLE = frozenset({"items", "additionalProperties"})
_NO_TEXTS = frozenset({"integer", "number", "boolean"})
_NULL: Schema = {"type": "null"}
_VARIABLE: Schema = {"type": "string", "pattern": r"^\$\{.+\}$"}
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def job_schema() -> Schema:
    """Return the JSON Schema of a job file, short forms included."""
    from adit_cli.jobfile.job import JobFile  # noqa: PLC0415  commands on single nodes read a config without it

    return {"$schema": DIALECT, **schema_of(JobFile), "title": "ADIT job file"}


@cache
def schema_of(model: type[BaseModel]) -> Schema:
    """Return the schema of what is written for a model."""
    return _tidied(cast("Schema", model.model_json_schema(by_alias=True, mode="validation")))


def _tidied(schema: Schema) -> Schema:
    """Return the schema without pydantic's titles and nulls, with names checked and variables let in."""
    tidy = {word: _tidied_part(word, part) for word, part in schema.items() if word != "title"}
    if tidy.get("default", ...) is None:
        del tidy["default"]
    if "patternProperties" in tidy:
        tidy["additionalProperties"] = False
    if str(tidy.get("type")) in _NO_TEXTS and "const" not in tidy:
        about = {word: tidy.pop(word) for word in ("description", "default", "examples") if word in tidy}
        return {**about, "anyOf": [tidy, dict(_VARIABLE)]}
    return tidy


def _tidied_part(word: str, part: Value) -> Value:
    if word in _BY_NAME and isinstance(part, dict):
        return {name: _tidied(cast("Schema", one)) for name, one in part.items()}
    if word in _LISTS and isinstance(part, list):
        return [_tidied(one) for one in cast("list[Schema]", part) if one != _NULL]
    return _tidied(part) if word in _SINGLE and isinstance(part, dict) else part


def schemas_at(root: Schema, loc: Loc) -> list[Schema]:
    """Return the schemas that may apply at a place; several where a value has several forms."""
    found = list(_forms(root, root))
    for step in loc:
        found = [form for schema in found for form in _below(root, schema, step)]
    return found


def keys_at(root: Schema, loc: Loc) -> list[str]:
    """Return the keys that are known at a place."""
    schemas = schemas_at(root, loc)
    return list(
        dict.fromkeys(key for schema in schemas for key in cast("Schema", schema.get("properties", {})))
    )


def is_secret(root: Schema, loc: Loc) -> bool:
    """Return whether a secret belongs here, so that what stands here instead is not shown either."""
    return any(schema.get("writeOnly") is True for schema in schemas_at(root, loc))


def _below(root: Schema, schema: Schema, step: str | int) -> Iterator[Schema]:
    if isinstance(step, int):
        children = [schema.get("items")]
    else:
        properties = cast("Schema", schema.get("properties", {}))
        named = cast("Schema", schema.get("patternProperties", {})).values()
        children = [properties[step]] if step in properties else [*named, schema.get("additionalProperties")]
    for child in children:
        if isinstance(child, dict):
            yield from _forms(root, child)


def _forms(root: Schema, schema: Schema) -> Iterator[Schema]:
    """Yield the schema with references followed and alternatives apart."""
    reference = schema.get("$ref")
    if isinstance(reference, str):
        definitions = cast("dict[str, Schema]", root["$defs"])
        yield from _forms(root, definitions[reference.rpartition("/")[2]])
        return
    alternatives = [
        cast("list[Schema]", schema[word]) for word in ("anyOf", "oneOf", "allOf") if word in schema
    ]
    if not alternatives:
        yield schema
    for alternative in alternatives:
        for form in alternative:
            yield from _forms(root, form)

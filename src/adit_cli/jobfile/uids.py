"""Lists of study UIDs: written out, in a file, or piped in. A series of a study is `study/series`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, TypeAlias, cast

from pydantic import Field, PlainSerializer, PlainValidator, ValidationError, ValidationInfo
from pydantic_core import InitErrorDetails, PydanticCustomError

from adit_cli.jobfile.strict import Strict
from adit_cli.jobfile.uid_lines import names_study, parse_uids
from adit_cli.jobfile.values import PIPED_LATER, Reading, reading

SHOWN = 10
"""Bad lines of one file that are named; the rest is counted."""
_FORMS = "must be a list of UIDs, {file: uids.txt}, or - for standard input"


class UidFile(Strict):
    """A file of UIDs, one a line or the first column."""

    file: str = Field(description="The file; relative to the job file.", examples=["uids.txt"])


def read_uids(lines: Iterable[str], name: str) -> tuple[str, ...]:
    """Return the UIDs of lines; raise ValueError naming every line without one."""
    found = parse_uids(lines, name)
    bad = found.refused
    if bad:
        more = f" and {len(bad) - SHOWN} more" if len(bad) > SHOWN else ""
        raise ValueError(f"no UID at the beginning of {', '.join(bad[:SHOWN])}{more}: one a line is needed")
    return found.uids


def _as_uids(value: object, info: ValidationInfo) -> tuple[str, ...]:
    items = cast("list[object]", value) if isinstance(value, list | tuple) else [value]
    errors: list[InitErrorDetails] = []
    found: dict[str, None] = {}
    for at, item in enumerate(items):
        try:
            found.update(dict.fromkeys(_of_item(item, reading(info))))
        except ValueError as error:
            kind = PydanticCustomError("value_error", "{error}", {"error": str(error)})
            errors.append(InitErrorDetails(type=kind, loc=(at,), input=item))
    if errors:
        raise ValidationError.from_exception_data("uids", errors)
    return tuple(found)


def _of_item(item: object, at: Reading) -> Iterable[str]:
    if isinstance(item, Mapping):
        return _from_file(cast("Mapping[object, object]", item), at)
    if item == "-":
        return _from_stdin(at)
    if not names_study(str(item)):
        raise ValueError("must be a UID: digits and dots, at most 64")
    return [str(item)]


def _from_stdin(at: Reading) -> tuple[str, ...]:
    if at.stdin_uids is None and at.stdin is not None:
        return at.stdin()
    if at.stdin_uids is None:
        raise ValueError("- stands for standard input: pipe UIDs into `adit transfer JOB.yaml`")
    return () if at.stdin_uids == PIPED_LATER else at.stdin_uids


def _from_file(value: Mapping[object, object], at: Reading) -> tuple[str, ...]:
    file = value.get("file")
    if set(value) != {"file"} or not isinstance(file, str | Path):
        raise ValueError(_FORMS)
    path = Path(at.folder, Path(file).expanduser())
    try:
        uids = read_uids(path.read_text("utf-8-sig").splitlines(), str(file))
    except UnicodeDecodeError:
        raise ValueError(f"{file} is not a text file in UTF-8") from None
    except OSError as error:
        raise ValueError(f"cannot read {file}: {error.strerror}") from error
    if not uids:
        raise ValueError(f"{file} holds no UID")
    return uids


Uids: TypeAlias = Annotated[
    tuple[str, ...],
    PlainValidator(_as_uids, json_schema_input_type=str | UidFile | list[str | UidFile]),
    PlainSerializer(list),
]


def _as_whole_studies(value: object, info: ValidationInfo) -> tuple[str, ...]:
    found = _as_uids(value, info)
    if value == "-" or (isinstance(value, list) and "-" in value):
        raise ValueError("standard input names what is taken; write the others in a file")
    if any("/" in uid for uid in found):
        raise ValueError("must be UIDs of whole studies; series are left out by select.series.exclude")
    return found


WholeStudies: TypeAlias = Annotated[
    tuple[str, ...],
    PlainValidator(_as_whole_studies, json_schema_input_type=str | UidFile | list[str | UidFile]),
    PlainSerializer(list),
]
"""A list of studies that is not piped in."""

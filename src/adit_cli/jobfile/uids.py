"""Lists of study UIDs: written out, in a file, or piped in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeAlias, cast

from pydantic import Field, PlainSerializer, PlainValidator, ValidationError, ValidationInfo
from pydantic_core import InitErrorDetails, PydanticCustomError

from adit_cli.jobfile.node import Strict
from adit_cli.jobfile.values import PIPED_LATER, Reading, is_uid, reading

SHOWN = 10
"""Bad lines of one file that are named; the rest is counted."""


class UidFile(Strict):
    """A file of UIDs, one a line or the first column."""

    file: str = Field(description="The file; relative to the job file.", examples=["uids.txt"])


def read_uids(lines: Iterable[str], name: str) -> tuple[str, ...]:
    """Return the first column of each line, once each and in order; raise ValueError naming every bad line.

    A first line that is no UID is a header; blank lines and those beginning with # are skipped.
    """
    uids: dict[str, None] = {}
    bad: list[str] = []
    for number, line in enumerate(lines, start=1):
        first = re.split(r"[,;\s]", line.strip("\ufeff \t\r\n"), maxsplit=1)[0].strip("\"'")
        if is_uid(first):
            uids[first] = None
        elif first and not first.startswith("#") and number > 1:
            bad.append(f"{name}:{number}")
    if bad:
        more = f" and {len(bad) - SHOWN} more" if len(bad) > SHOWN else ""
        raise ValueError(f"no UID at the beginning of {', '.join(bad[:SHOWN])}{more}: one a line is needed")
    return tuple(uids)


def _as_uids(value: object, info: ValidationInfo) -> tuple[str, ...]:
    if isinstance(value, Mapping):
        return _from_file(cast("Mapping[object, object]", value), reading(info))
    if value == "-":
        return _from_stdin(reading(info))
    items = cast("list[object]", value) if isinstance(value, list | tuple) else [value]
    errors = [
        InitErrorDetails(
            type=PydanticCustomError("uid", "must be a UID: digits and dots, at most 64"),
            loc=(at,),
            input=item,
        )
        for at, item in enumerate(items)
        if not is_uid(str(item))
    ]
    if errors:
        raise ValidationError.from_exception_data("uids", errors)
    return tuple(dict.fromkeys(map(str, items)))


def _from_stdin(at: Reading) -> tuple[str, ...]:
    if at.stdin_uids is None:
        raise ValueError("- stands for standard input: pipe UIDs into `adit transfer JOB.yaml --uids -`")
    return () if at.stdin_uids == PIPED_LATER else at.stdin_uids


def _from_file(value: Mapping[object, object], at: Reading) -> tuple[str, ...]:
    file = value.get("file")
    if set(value) != {"file"} or not isinstance(file, str | Path):
        raise ValueError("must be a list of UIDs, {file: uids.txt}, or - for standard input")
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
    PlainValidator(_as_uids, json_schema_input_type=list[str] | UidFile | Literal["-"]),
    PlainSerializer(list),
]

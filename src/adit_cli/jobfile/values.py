"""The plain values of a job file: paths relative to it, durations, names, UIDs."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated, Final, TypeAlias, cast

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, ValidationInfo

PIPED_LATER: Final = ("-",)
"""In place of the piped UIDs: the file is only checked, and `-` in it is right."""
UID = re.compile(r"[0-9]+(\.[0-9]+)*")
MAX_UID = 64


@dataclass(frozen=True, slots=True)
class Reading:
    """Where and when a file is read; pydantic hands it to the validators as their context."""

    folder: Path = field(default_factory=Path.cwd)
    """What relative paths are relative to."""
    today: date = field(default_factory=date.today)
    stdin_uids: tuple[str, ...] | None = None
    """What stands for `-`; None where nothing is piped in, PIPED_LATER where that is not known yet."""
    stdin: Callable[[], tuple[str, ...]] | None = None
    """Reads what stands for `-`, if a job says so and nothing was piped in by an option."""


def folder_of(path: Path) -> Path:
    """Return the folder that a file is in, the same by links and `..`: tasks are known by its paths."""
    return Path(os.path.realpath(path.absolute().parent))


def reading(info: ValidationInfo) -> Reading:
    """Return the validation context, or that of models made in Python."""
    return info.context if isinstance(info.context, Reading) else Reading()


def _anchored(path: Path, info: ValidationInfo) -> Path:
    if "\0" in str(path):
        raise ValueError("a path cannot hold a NUL character")
    return Path(reading(info).folder, path.expanduser()).absolute()


RelativePath: TypeAlias = Annotated[
    Path, Field(json_schema_extra={"format": "path"}), AfterValidator(_anchored)
]
"""A path of the user's, made absolute; `~` is the home folder."""

_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|m|h|d)")


def parse_duration(value: object) -> float:
    """Return the seconds that `90`, `30s`, `10m`, `1h30m` or `2d` names."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    text = str(value).strip().casefold()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    parts = _DURATION.findall(text)
    if not parts or _DURATION.sub("", text).strip():
        raise ValueError("not a duration: write 30s, 10m, 2h, 1h30m or a number of seconds")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


Duration: TypeAlias = Annotated[
    float, BeforeValidator(parse_duration, json_schema_input_type=str | float), Field(ge=0, le=366 * 86400)
]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def _checked_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("must begin with a letter or digit, then letters, digits, . _ and -, at most 64")
    return text


Name: TypeAlias = Annotated[
    str, AfterValidator(_checked_name), Field(json_schema_extra={"pattern": f"^{_NAME.pattern}$"})
]
"""A name that is also good as a folder's name and on a command line."""

_AE_TITLE = re.compile(r"[ !-\[\]-~]{1,16}")


def _checked_ae_title(text: str) -> str:
    title = text.strip(" ")
    if not title or not _AE_TITLE.fullmatch(title):
        raise ValueError("an AE title has 1 to 16 plain letters, digits or signs, and no backslash")
    return title


AeTitle: TypeAlias = Annotated[
    str, AfterValidator(_checked_ae_title), Field(json_schema_extra={"minLength": 1, "maxLength": 16})
]
"""An application entity's title (PS3.5 §6.2, AE); spaces around it mean nothing."""

_NOT_LO = re.compile(r"[\\\x00-\x1f\x7f]")


def _checked_long_string(text: str) -> str:
    if _NOT_LO.search(text):
        raise ValueError("a backslash or control character cannot be part of this attribute")
    return text.strip()


LongString: TypeAlias = Annotated[
    str, AfterValidator(_checked_long_string), StringConstraints(min_length=1, max_length=64)
]
"""A value of VR LO (PS3.5 §6.2)."""


def is_uid(text: str) -> bool:
    """Return whether the text is a UID (PS3.5 §9.1); leading zeros, though wrong, are common."""
    return len(text) <= MAX_UID and UID.fullmatch(text) is not None


def as_many(value: object) -> object:
    """Return one of something as a list of it."""
    return cast("object", value) if isinstance(value, list | tuple) else [value]


Names: TypeAlias = Annotated[
    tuple[Name, ...], BeforeValidator(as_many, json_schema_input_type=Name | list[Name]), Field(min_length=1)
]
"""A name, or a list of them."""

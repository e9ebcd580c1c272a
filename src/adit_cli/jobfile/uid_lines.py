"""Lines that name studies: UIDs alone, a table with a column of them, or JSON objects, one a line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from adit_cli.jobfile.values import is_uid

_STUDY = frozenset({"studyinstanceuid", "studyuid"})
_SERIES = frozenset({"seriesinstanceuid", "seriesuid"})


@dataclass(frozen=True, slots=True)
class UidLines:
    """What the lines of a file or a pipe name."""

    uids: tuple[str, ...]
    """Studies, or series as `study/series`; each once and in order."""
    refused: tuple[str, ...] = ()
    """Places of lines that name none; never what they hold, which may be a patient's."""


def names_study(text: str) -> bool:
    """Return whether the text is the UID of a study, or of a study and one of its series.

    A UID has a dot, between its root and the rest (PS3.5 §9.1); a number alone may be a patient's.
    """
    return all(is_uid(uid) and "." in uid for uid in text.split("/", maxsplit=1))


def parse_uids(lines: Iterable[str], name: str) -> UidLines:
    """Return the UIDs of lines: alone, in the first column or below `StudyInstanceUID`, or as JSON objects.

    A first line without a digit is a header; blank lines and those beginning with # are skipped.
    """
    uids: dict[str, None] = {}
    refused: list[str] = []
    columns = _Columns()
    for number, line in enumerate(lines, start=1):
        text = line.strip("\ufeff \t\r\n")
        if not text or text.startswith("#") or (number == 1 and columns.are_in(text)):
            continue
        uid = _of_json(text) if text.startswith("{") else columns.uid_in(line.strip("\ufeff\r\n"))
        if names_study(uid):
            uids[uid] = None
        else:
            refused.append(f"{name}:{number}")
    return UidLines(tuple(uids), tuple(refused))


class _Columns:
    """Where in a line the UIDs are."""

    def __init__(self) -> None:
        self._mark = ""
        self._study: int | None = None
        self._series: int | None = None

    def are_in(self, header: str) -> bool:
        """Return whether the first line is a header, and remember which columns it names."""
        if header.startswith("{") or re.search(r"\d", _first(header)):
            return False
        self._mark = max("\t,;", key=header.count)
        for place, title in enumerate(header.split(self._mark)):
            plain = re.sub(r"[\s_\"'-]", "", title).casefold()
            self._study = place if plain in _STUDY else self._study
            self._series = place if plain in _SERIES else self._series
        return True

    def uid_in(self, line: str) -> str:
        """Return what a line names."""
        if self._study is None:
            return _first(line.strip())
        cells = [cell.strip(" \"'") for cell in line.split(self._mark)]
        wanted = [self._study] if self._series is None else [self._study, self._series]
        return "/".join(cells[place] for place in wanted if place < len(cells) and cells[place])


def _first(line: str) -> str:
    return re.split(r"[,;\s]", line, maxsplit=1)[0].strip("\"'")


def _of_json(text: str) -> str:
    """Return what an object names, as `adit query --format ndjson` writes it; nothing where it names none."""
    try:
        found = cast("Mapping[str, object]", json.loads(text))
    except ValueError:
        return ""
    study, series = (found.get(name) for name in ("StudyInstanceUID", "SeriesInstanceUID"))
    return f"{study}/{series}" if study and series else str(study or "")

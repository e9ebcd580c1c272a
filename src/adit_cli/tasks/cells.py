"""What a cell of a cohort may hold: identifiers, UIDs, dates and modalities, as people write them.

A problem is said in words that do not repeat the cell. A date that may be read in two ways is none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache

from adit_cli.jobfile.values import is_uid

_VALUE_LIMIT = 64
_FORMULA_ERROR = re.compile(
    r"#(N/A|REF!|VALUE!|NAME\?|DIV/0!|NULL!|NUM!|SPILL!|CALC!|BUSY!|GETTING_DATA|####*)", re.IGNORECASE
)
_FIRST_YEAR = 1850
"""Nobody was born, and no study made, before; programs write the year 1 where they know none."""
_ORDINARY = re.compile(r"[\w^,. -]{1,64}")
"""What is neither wildcard nor control character, nor begins as a spreadsheet's error or ends as `E+10`."""
_SHORTENED = re.compile(r"\d([.,]\d+)?E\+\d+", re.IGNORECASE)
_TIME = r"(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp][Mm])?)?"
_ISO = re.compile(rf"(?P<year>\d{{4}})(?P<mark>[-./]?)(?P<month>\d{{2}})(?P=mark)(?P<day>\d{{2}}){_TIME}")
_DAY_FIRST = re.compile(
    rf"(?P<first>\d{{1,2}})(?P<mark>[./-])(?P<second>\d{{1,2}})(?P=mark)(?P<year>\d{{4}}){_TIME}"
)
_NAMED_MONTH = re.compile(
    rf"(?P<day>\d{{1,2}})[ -](?P<month>[A-Za-z]{{3,9}})[ -](?P<year>\d{{4}}){_TIME}", re.IGNORECASE
)
_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip


def cell_problem(name: str, value: str) -> str:
    """Return what is wrong with a cell of the column of this name; empty where nothing is."""
    if name not in _CHECKS and _ORDINARY.fullmatch(value):
        return ""
    if value[0] == "#" and _FORMULA_ERROR.fullmatch(value):
        return "holds a spreadsheet's error"
    if value[0] == "=":
        return "holds a formula in place of a value"
    if not value.isprintable() and (fact := _unseen(name, value)):
        return fact
    return _CHECKS.get(name, text_problem)(value)


def _unseen(name: str, value: str) -> str:
    """Return what is wrong with characters that show nothing; in names some scripts join letters by them."""
    if any(unicodedata.category(character) == "Cc" for character in value):
        return "holds a control character"
    return "" if name == "patient_name" else "holds a character that nobody sees: type it anew"


def text_problem(value: str) -> str:
    """Return what keeps a text from being an identifier of DICOM; empty where nothing does."""
    if len(value) > _VALUE_LIMIT:
        return f"is longer than the {_VALUE_LIMIT} characters that DICOM allows"
    if "*" in value or "?" in value or "\\" in value:
        return "holds a wildcard or a backslash; a cohort names single patients and studies"
    if _SHORTENED.fullmatch(value):
        return "is a number that a spreadsheet shortened; format the column as text"
    return ""


def _uid_problem(value: str) -> str:
    return "" if is_uid(value) else "is no DICOM UID: up to 64 digits and dots"


@lru_cache(maxsize=8192)
def _date_problem(value: str) -> str:
    if as_date(value) is not None:
        return ""
    written = _DAY_FIRST.fullmatch(value)
    halves = (int(written["first"]), int(written["second"])) if written and written["mark"] != "." else ()
    ambiguous = halves and all(0 < half <= len(_MONTHS) for half in halves)
    return "may be read as two dates; write 2024-01-31" if ambiguous else "is no date; write 2024-01-31"


@lru_cache(maxsize=1024)
def _modality_problem(value: str) -> str:
    return "" if re.fullmatch(r"[A-Za-z0-9_ ,;/\\]{1,64}", value) else "is no modality such as CT"


_CHECKS: Mapping[str, Callable[[str], str]] = {
    "study_uid": _uid_problem,
    "series_uid": _uid_problem,
    "study_date": _date_problem,
    "patient_birth_date": _date_problem,
    "modality": _modality_problem,
}


@lru_cache(maxsize=8192)
def as_date(value: str) -> str | None:
    """Return a date as DA (PS3.5 §6.2), without its time; None where it is none, or may be two."""
    iso = _ISO.fullmatch(value)
    if iso is not None:
        return _valid(int(iso["year"]), int(iso["month"]), int(iso["day"]))
    named = _NAMED_MONTH.fullmatch(value)
    if named is not None:
        return _valid(int(named["year"]), _month(named["month"].casefold()), int(named["day"]))
    written = _DAY_FIRST.fullmatch(value)
    if written is None:
        return None
    first, second, year = int(written["first"]), int(written["second"]), int(written["year"])
    if written["mark"] == "." or first == second or first > len(_MONTHS):
        return _valid(year, second, first)
    return _valid(year, first, second) if second > len(_MONTHS) else None


def _month(name: str) -> int:
    """Return a month by its English name or the first three letters of it; 0 where it is none."""
    return next((n for n, month in enumerate(_MONTHS, start=1) if name in {month, month[:3]}), 0)


def _valid(year: int, month: int, day: int) -> str | None:
    try:
        return f"{date(year, month, day):%Y%m%d}" if year >= _FIRST_YEAR else None
    except ValueError:
        return None

"""A patient's age at the time of a study, from what a node said of it."""

from __future__ import annotations

import math
import re
from datetime import date

from adit_cli.dicom.matching import DateRange, parse_da
from adit_cli.dicom.query import Attributes
from adit_cli.dicom.ranges import NumberRule

NEEDED = ("PatientBirthDate", "StudyDate", "PatientAge")
_AS = re.compile(r"(\d{3})([DWMY])")
_IN_A_YEAR = {"D": 365.25, "W": 365.25 / 7, "M": 12, "Y": 1}


def age_at_study(study: Attributes) -> str | None:
    """Return the age in completed years; empty where it cannot be told, None where a node may still tell it.

    The birth date counts before PatientAge, which many modalities leave as someone typed it.
    """
    born, studied = (
        parse_da(study.get(keyword, "").strip()) for keyword in ("PatientBirthDate", "StudyDate")
    )
    if born and studied and born <= studied:
        return str(_completed_years(born, studied))
    written = _AS.fullmatch(study.get("PatientAge", "").strip())
    if written:
        return str(int(int(written[1]) / _IN_A_YEAR[written[2]]))
    return "" if all(keyword in study for keyword in NEEDED) else None


def _completed_years(born: date, day: date) -> int:
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def born_between(ages: NumberRule, days: DateRange) -> DateRange | None:
    """Return the birth dates that people of these ages can have in studies of these days.

    None where neither end is known, or the calendar does not reach.
    """
    youngest = min(wanted.low for wanted in ages.ranges)
    oldest = max(wanted.high for wanted in ages.ranges)
    first, last = days.start, days.end
    latest = _years_before(last, math.floor(youngest)) if last and 0 < youngest < math.inf else None
    earliest = None if first is None or math.isinf(oldest) else _years_before(first, math.floor(oldest) + 1)
    return DateRange(earliest, latest) if earliest or latest else None


def _years_before(day: date, years: int) -> date | None:
    """Return the day so many years before; the end of a February that is shorter counts as March's begin."""
    if years >= day.year:
        return None
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return date(day.year - years, 3, 1)

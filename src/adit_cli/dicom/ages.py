"""A patient's age at the time of a study, from what a node said of it."""

from __future__ import annotations

import re
from datetime import date

from adit_cli.dicom.matching import parse_da
from adit_cli.dicom.query import Attributes

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

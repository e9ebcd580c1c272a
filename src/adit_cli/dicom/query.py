"""The words of Query/Retrieve (PS3.4 C.3): levels, and what a node answered."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

Attributes: TypeAlias = dict[str, str]
"""What a node said of one patient, study, series or instance, by DICOM keyword.

An absent keyword is *unknown* (the node did not return it), an empty string is *known to be empty*.
Several values are joined by a backslash, as on the wire. A tag without keyword is `ggggeeee` in hex.
"""


class Level(StrEnum):
    """Query/Retrieve level; the value is that of (0008,0052)."""

    PATIENT = "PATIENT"
    STUDY = "STUDY"
    SERIES = "SERIES"
    IMAGE = "IMAGE"

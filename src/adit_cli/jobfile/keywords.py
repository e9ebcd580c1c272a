"""DICOM keywords in a job file, checked and corrected."""

from __future__ import annotations

from difflib import get_close_matches

from adit_cli.dicom.dictionary import keyword_of, tag_of
from adit_cli.dicom.matching import PatternError


class KeywordError(PatternError):
    """A name is that of no attribute."""


def known_keyword(name: str) -> str:
    """Return the keyword of a keyword or `gggg,eeee`; raise KeywordError, naming one that is close."""
    tag = tag_of(name.strip())
    if tag is not None:
        return keyword_of(tag)
    from pydicom.datadict import keyword_dict  # noqa: PLC0415 - slow to load, and only needed by an error

    close = get_close_matches(name.strip(), keyword_dict, n=1, cutoff=0.7)
    choice = f" (did you mean {close[0]}?)" if close else ": use one such as PatientSex"
    raise KeywordError(f"{name!r} is no DICOM keyword{choice}")

"""Where a search goes and what it asks (QIDO-RS, PS3.18 §10.6.1): pure text, no connection."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from adit_cli.dicom.dictionary import tag_of, vr_of
from adit_cli.dicom.matching import Match
from adit_cli.dicom.patterns import TextRule
from adit_cli.dicom.query import Attributes, Level
from adit_cli.nodes.dicomweb.model import keys_in_model

UIDS_A_REQUEST = 40
"""A list of UIDs goes into the URL, and many servers take no more than 8 KiB of that."""
_WHO = ("PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate")
UNIQUE = {
    Level.STUDY: "StudyInstanceUID",
    Level.SERIES: "SeriesInstanceUID",
    Level.IMAGE: "SOPInstanceUID",
}
STUDY_COUNTS = {Level.SERIES: "NumberOfStudyRelatedSeries", Level.IMAGE: "NumberOfStudyRelatedInstances"}
SERIES_COUNT = "NumberOfSeriesRelatedInstances"
_UNESCAPED = ",*?/:@()!"
"""What a query may hold as it is (RFC 3986 §3.4), beside letters, digits and `_.-~`."""
_ESCAPED = re.compile(rf"\*?[^A-Za-z0-9_.~{re.escape(_UNESCAPED)}-]+\*?")
_FEWEST = 2
"""Letters and digits without which a text with wildcards would ask for most of an archive."""
_WITH_WILDCARDS = frozenset(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UT"))
"""The VRs that may be searched with wildcards (PS3.4 §C.2.2.2.4)."""


@dataclass(frozen=True, slots=True)
class Search:
    """One search at one level: where it goes, and its parameters without those of paging."""

    level: Level
    path: str
    query: str
    asked: dict[str, str]
    """The keywords asked for, by their key in the JSON model."""
    above: Attributes
    """The UIDs that the path holds, which an answer need not repeat."""
    keys: Mapping[str, str]
    single: bool = False
    """It names one thing by its UID, so that one answer is all there can be."""
    everything: bool = False
    """It matches by nothing but the path, so that the count of what is above is that of its answers."""

    @property
    def doing(self) -> str:
        """What messages call it."""
        return f"QIDO-RS at {self.level.lower()} level"

    def parent(self) -> tuple[Level, Attributes, str] | None:
        """Return level, UIDs and counting keyword of what is above; None where nothing there counts."""
        if not self.above or not self.everything or self.level is Level.STUDY:
            return None
        if "SeriesInstanceUID" in self.above:
            return Level.SERIES, dict(self.above), SERIES_COUNT
        return Level.STUDY, dict(self.above), STUDY_COUNTS[self.level]


def search_for(level: Level, keys: Mapping[str, str]) -> Search:
    """Return where a search goes and what it asks; UIDs above the level become part of the path."""
    study, series = _single(keys, "StudyInstanceUID"), _single(keys, "SeriesInstanceUID")
    used: tuple[str, ...] = ()
    path = {Level.SERIES: "/series", Level.IMAGE: "/instances"}.get(level, "/studies")
    if study and level in {Level.SERIES, Level.IMAGE}:
        used, path = ("StudyInstanceUID",), f"/studies/{study}{path}"
        if series and level is Level.IMAGE:
            used, path = (*used, "SeriesInstanceUID"), f"/studies/{study}/series/{series}/instances"
    above = {keyword: keys[keyword] for keyword in used}
    asked = keys_in_model({**keys, UNIQUE[level]: ""})
    left = {keyword: value for keyword, value in keys.items() if keyword not in used}
    single, everything = bool(_single(keys, UNIQUE[level])), not any(left.values())
    return Search(level, path, _query(left), asked, above, keys, single, everything)


def below(found: Attributes, level: Level) -> Iterator[tuple[str, int]]:
    """Yield the paths of searches below a study or series, and how much it says they will answer."""
    study, series = found.get("StudyInstanceUID", ""), found.get("SeriesInstanceUID", "")
    if level is Level.STUDY and study:
        places = [(f"/studies/{study}/{_PLURAL[one]}", word) for one, word in STUDY_COUNTS.items()]
    elif level is Level.SERIES and study and series:
        places = [(f"/studies/{study}/series/{series}/instances", SERIES_COUNT)]
    else:
        places = []
    for path, word in places:
        if (count := found.get(word, "").strip()).isdecimal():
            yield path, int(count)


_PLURAL = {Level.SERIES: "series", Level.IMAGE: "instances"}


def in_parts(keys: Mapping[str, str], level: Level) -> Iterator[dict[str, str]]:
    """Yield the keys with a long list of UIDs cut into pieces."""
    unique = UNIQUE[level]
    uids = keys.get(unique, "").split("\\")
    for start in range(0, len(uids), UIDS_A_REQUEST):
        some = "\\".join(uids[start : start + UIDS_A_REQUEST])
        yield {**keys, unique: some}


def is_asked_for(answer: Attributes, keys: Mapping[str, str]) -> bool:
    """Return whether UIDs are those asked for; a server that ignores a key answers with everything."""
    for keyword in UNIQUE.values():
        wanted = keys.get(keyword, "")
        if wanted and "*" not in wanted and answer.get(keyword, wanted) not in {wanted, *wanted.split("\\")}:
            return False
    return True


def _single(keys: Mapping[str, str], keyword: str) -> str:
    value = keys.get(keyword, "")
    return "" if "\\" in value or "*" in value else quote(value, safe="")


def _query(keys: Mapping[str, str]) -> str:
    """Return the parameters: lists of UIDs are joined by commas (PS3.18 §8.3.4.1)."""
    pairs = [
        (keyword, value.replace("\\", ",")) if value else ("includefield", keyword)
        for keyword, value in keys.items()
    ]
    return urlencode(pairs, quote_via=quote, safe=_UNESCAPED)


def without_escapes(keys: Mapping[str, str]) -> dict[str, str]:
    """Return the keys with wildcards where a URL needs escapes; they match no less.

    Some servers, as Orthanc with older plugins, take `%20` for what an attribute holds.
    """
    return {keyword: _loosened(keyword, value) for keyword, value in keys.items()}


def _loosened(keyword: str, value: str) -> str:
    if "\\" in value or vr_of(tag_of(keyword) or 0) not in _WITH_WILDCARDS:
        return value
    loosened = _ESCAPED.sub("*", value)
    return loosened if sum(map(str.isalnum, loosened)) >= _FEWEST else value


def fits(answer: Attributes, keys: Mapping[str, str], loosened: Mapping[str, str]) -> bool:
    """Return whether an answer to loosened keys may be one to the keys themselves."""
    texts = {keyword: text for keyword, text in keys.items() if loosened[keyword] != text}
    return all(_rule(text).matches(answer.get(keyword)) is not Match.NO for keyword, text in texts.items())


def _rule(text: str) -> TextRule:
    return TextRule(("*" if text.startswith("/") else text,))


def identity(answer: Attributes, unique: str) -> str:
    """Return what tells an answer from others: archives do hold studies of two patients under one UID."""
    return "\\".join(answer.get(keyword, "") for keyword in (unique, *_WHO))

"""Which levels a lookup goes through, and what is asked at each of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import product
from typing import TypeAlias

from adit_cli.dicom.ages import NEEDED, age_at_study
from adit_cli.dicom.dictionary import tag_of, vr_of
from adit_cli.dicom.matching import DateRange, Match, PatternError, parse_study_date
from adit_cli.dicom.patterns import TextRule, parse_text
from adit_cli.dicom.query import BELOW_STUDY, Attributes, Level
from adit_cli.dicom.ranges import NumberRule, TimeRange, parse_numbers, parse_times
from adit_cli.jobfile.values import is_uid

Rule: TypeAlias = TextRule | DateRange | TimeRange | NumberRule
"""What an attribute must be."""

UNIQUE_KEYS = {
    Level.PATIENT: "PatientID",
    Level.STUDY: "StudyInstanceUID",
    Level.SERIES: "SeriesInstanceUID",
    Level.IMAGE: "SOPInstanceUID",
}
AGE = "PatientAge"
_WRITTEN_AGE = re.compile(r"\d{3}[DWMY]")
_NUMBER_PATTERNS = re.compile(r"/.*|[-+\d.Ee*?\\ ]*")
"""A regular expression, or what a number or a wildcard may be made of: sent as it is."""
_LEVELS = list(Level)
_WAYS = {
    Level.PATIENT: (Level.PATIENT,),
    Level.STUDY: (Level.STUDY,),
    Level.SERIES: (Level.STUDY, Level.SERIES),
    Level.IMAGE: (Level.STUDY, Level.SERIES, Level.IMAGE),
}
STUDY_WORDS = frozenset(
    (
        "StudyInstanceUID",
        "StudyID",
        "StudyDate",
        "StudyTime",
        "StudyDescription",
        "AccessionNumber",
        "ModalitiesInStudy",
        "ReferringPhysicianName",
        "InstitutionName",
        "NumberOfStudyRelatedSeries",
        "NumberOfStudyRelatedInstances",
        AGE,
    )
)
CASELESS = frozenset(("StudyDescription", "SeriesDescription", "InstitutionName", "ProtocolName"))
"""What people write in any case and archives compare letter by letter: only we can match it."""
TOLD_BY_SERIES = {"ModalitiesInStudy": "Modality", "InstitutionName": "InstitutionName"}
"""What an archive need not say of a study (PS3.4 §C.6.2.1.2), and what its series say instead."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """What is looked for: rules by keyword, and the keywords to ask back."""

    level: Level
    rules: Mapping[str, Rule]
    wanted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """What is asked at one level of the way down."""

    level: Level
    rules: Mapping[str, Rule]
    wanted: tuple[str, ...]

    def judged(self, entry: Attributes) -> Iterator[tuple[str, Match]]:
        """Yield for each rule whether an entry satisfies it, as far as the node told."""
        for keyword, rule in self.rules.items():
            is_age = keyword == AGE and isinstance(rule, NumberRule)
            yield keyword, rule.matches(age_at_study(entry) if is_age else entry.get(keyword))

    def is_sent(self, keyword: str) -> bool:
        """Return whether an archive is asked to match a rule, so that what it answers may do so untold."""
        return all(_keys(keyword, self.rules[keyword]))

    def queries(self) -> list[dict[str, str]]:
        """Return the keys to send: a list is one query a value, of UIDs one query (PS3.4 §C.2.2.2)."""
        choices = [[(keyword, key) for key in _keys(keyword, rule)] for keyword, rule in self.rules.items()]
        return [dict(choice) for choice in product(*choices)]


def parse_rule(keyword: str, text: str, today: date) -> Rule:
    """Return the rule that a text means for this attribute; dates, times and numbers may be ranges.

    An age is a number of years, or as DICOM writes it (PS3.5 §6.2, AS).
    UIDs have no wildcards (PS3.4 §C.2.2.2.2).
    """
    match vr_of(tag_of(keyword) or 0):
        case "DA":
            return parse_study_date(text, today)
        case "TM":
            return parse_times(text)
        case "IS" | "DS" | "US" if ".." in text or not _NUMBER_PATTERNS.fullmatch(text):
            return parse_numbers(text.split("\\"))
        case "UI" if not all(map(is_uid, text.split("\\"))):
            raise PatternError(f"{text!r} is no UID: write up to 64 digits and dots")
        case "AS" if not _WRITTEN_AGE.fullmatch(text):
            return parse_numbers(text.split("\\"))
        case _:
            return parse_text([text])


def steps_of(lookup: Lookup) -> list[Step]:
    """Return the levels to go through: from the study down, or from where UIDs already lead."""
    levels = list(_WAYS[lookup.level])
    while len(levels) > 1 and _may_start_below(levels[0], levels[1], lookup):
        levels.pop(0)
    return [_step(level, lookup, starts=level is levels[0]) for level in levels]


def relational_step(lookup: Lookup) -> Step:
    """Return the one question that a source answers which knows what stands above (PS3.4 §C.4.1.2.2.2)."""
    aged = NEEDED if isinstance(lookup.rules.get(AGE), NumberRule) else ()
    unique = (UNIQUE_KEYS[level] for level in _WAYS[lookup.level])
    return Step(lookup.level, lookup.rules, (*lookup.wanted, *aged, *unique))


def wanted_of_above(lookup: Lookup) -> set[str]:
    """Return what is to be told of the levels above the one looked up."""
    unique = set(UNIQUE_KEYS.values())
    return {k for k in lookup.wanted if _level_of(k, lookup.level) is not lookup.level} - unique


def is_about_studies(lookup: Lookup) -> bool:
    """Return whether patients are to be told by what their studies or series are."""
    return any(keyword in STUDY_WORDS | BELOW_STUDY for keyword in lookup.rules)


def series_rules(lookup: Lookup) -> dict[str, Rule]:
    """Return the rules of a lookup for studies that are about their series."""
    return {keyword: rule for keyword, rule in lookup.rules.items() if keyword in BELOW_STUDY}


def _may_start_below(level: Level, below: Level, lookup: Lookup) -> bool:
    """Return whether nothing but UIDs is asked of a level and those above, and one says where to look."""
    asked = {k for k in lookup.rules if _LEVELS.index(_level_of(k, lookup.level)) <= _LEVELS.index(level)}
    leads = {UNIQUE_KEYS[level], UNIQUE_KEYS[below]} & lookup.rules.keys()
    return bool(leads) and asked <= set(UNIQUE_KEYS.values())


def _step(level: Level, lookup: Lookup, *, starts: bool) -> Step:
    def belongs(keyword: str) -> bool:
        own = _level_of(keyword, lookup.level)
        return own is level or (starts and _LEVELS.index(own) < _LEVELS.index(level))

    rules = {keyword: rule for keyword, rule in lookup.rules.items() if belongs(keyword)}
    if level is Level.STUDY and "Modality" in lookup.rules:
        rules.setdefault("ModalitiesInStudy", lookup.rules["Modality"])
    if level is Level.SERIES and "InstitutionName" in lookup.rules:
        rules.setdefault("InstitutionName", lookup.rules["InstitutionName"])
    only = len(_WAYS[lookup.level]) == 1
    wanted = tuple(k for k in lookup.wanted if only or _level_of(k, lookup.level) is level)
    above = _WAYS[lookup.level][: _WAYS[lookup.level].index(level)] if starts else ()
    aged = NEEDED if isinstance(rules.get(AGE), NumberRule) else ()
    unique = (UNIQUE_KEYS[level], *(UNIQUE_KEYS[skipped] for skipped in above))
    return Step(level, rules, (*wanted, *aged, *unique))


def _level_of(keyword: str, lowest: Level) -> Level:
    """Return where a keyword is asked; what no level is known for belongs to the one looked up."""
    if lowest is Level.STUDY and keyword in BELOW_STUDY:
        return Level.SERIES
    if lowest in {Level.PATIENT, Level.STUDY}:
        return lowest
    if keyword in STUDY_WORDS or keyword.startswith("Patient"):
        return Level.STUDY
    return Level.SERIES if keyword in BELOW_STUDY else lowest


def _keys(keyword: str, rule: Rule) -> list[str]:
    match rule:
        case DateRange() | TimeRange():
            return [rule.key()]
        case NumberRule():
            return [""]
        case TextRule() if keyword.endswith("UID"):
            return [str(rule)]
        case TextRule():
            single = [_as_asked(keyword, TextRule((pattern,)).single()) for pattern in rule.patterns]
            return single if all(single) else [""]


def _as_asked(keyword: str, pattern: str) -> str:
    """Return a pattern as an archive can match it; nothing where only we can."""
    if vr_of(tag_of(keyword) or 0) == "CS":
        return pattern.upper()
    return "" if keyword in CASELESS and pattern.lower() != pattern.upper() else pattern

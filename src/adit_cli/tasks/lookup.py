"""Look things up in a node, level by level.

Not every archive answers relational queries or honours every key (PS3.4 §C.4.1.3), so a lower level is
reached through the levels above it, and what comes back is matched again here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice, product
from typing import TypeAlias

from adit_cli.dicom.dictionary import tag_of, vr_of
from adit_cli.dicom.matching import DateRange, Match, all_of, parse_study_date
from adit_cli.dicom.patterns import TextRule, parse_text
from adit_cli.dicom.query import Attributes, Level
from adit_cli.nodes.base import Source

Rule: TypeAlias = TextRule | DateRange
"""What an attribute must be."""

UNIQUE_KEYS = {
    Level.PATIENT: "PatientID",
    Level.STUDY: "StudyInstanceUID",
    Level.SERIES: "SeriesInstanceUID",
    Level.IMAGE: "SOPInstanceUID",
}
_LEVELS = list(Level)
_WAYS = {
    Level.PATIENT: (Level.PATIENT,),
    Level.STUDY: (Level.STUDY,),
    Level.SERIES: (Level.STUDY, Level.SERIES),
    Level.IMAGE: (Level.STUDY, Level.SERIES, Level.IMAGE),
}
_SERIES_WORDS = {
    "Modality",
    "SeriesNumber",
    "SeriesDescription",
    "SeriesInstanceUID",
    "SeriesDate",
    "SeriesTime",
    "BodyPartExamined",
    "ProtocolName",
    "NumberOfSeriesRelatedInstances",
}
_STUDY_WORDS = {
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
}


@dataclass(frozen=True, slots=True)
class Lookup:
    """What is looked for: rules by keyword, and the keywords to ask back."""

    level: Level
    rules: Mapping[str, Rule]
    wanted: tuple[str, ...] = ()


def parse_rule(keyword: str, text: str, today: date) -> Rule:
    """Return the rule that a text means for this attribute; dates may be ranges or words."""
    is_date = vr_of(tag_of(keyword) or 0) == "DA"
    return parse_study_date(text, today) if is_date else parse_text([text])


def look_up(source: Source, lookup: Lookup, limit: int | None = None) -> list[Attributes]:
    """Return what the source has, in its own order, at most `limit` entries."""
    return list(islice(_below(source, steps_of(lookup), {}), limit))


@dataclass(frozen=True, slots=True)
class Step:
    """What is asked at one level of the way down."""

    level: Level
    rules: Mapping[str, Rule]
    wanted: tuple[str, ...]


def steps_of(lookup: Lookup) -> list[Step]:
    """Return the levels to go through: from the study down, or from where UIDs already lead."""
    levels = list(_WAYS[lookup.level])
    while len(levels) > 1 and _may_start_below(levels[0], levels[1], lookup):
        levels.pop(0)
    return [_step(level, lookup, starts=level is levels[0]) for level in levels]


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
    wanted = tuple(k for k in lookup.wanted if _level_of(k, lookup.level) is level)
    above = _WAYS[lookup.level][: _WAYS[lookup.level].index(level)] if starts else ()
    return Step(level, rules, (*wanted, UNIQUE_KEYS[level], *(UNIQUE_KEYS[skipped] for skipped in above)))


def _level_of(keyword: str, lowest: Level) -> Level:
    """Return where a keyword is asked; what no level is known for belongs to the one looked up."""
    if lowest in {Level.PATIENT, Level.STUDY}:
        return lowest
    if keyword in _STUDY_WORDS or keyword.startswith("Patient"):
        return Level.STUDY
    return Level.SERIES if keyword in _SERIES_WORDS else lowest


def _below(source: Source, steps: Sequence[Step], above: Attributes) -> Iterator[Attributes]:
    step, deeper = steps[0], steps[1:]
    for entry in _entries(source, step, above):
        found = above | entry
        yield from _below(source, deeper, found) if deeper else (found,)


def _entries(source: Source, step: Step, above: Attributes) -> Iterator[Attributes]:
    """Yield each matching entry of one level once."""
    unique = UNIQUE_KEYS[step.level]
    parents = {keyword: above[keyword] for keyword in UNIQUE_KEYS.values() if above.get(keyword)}
    seen: set[str] = set()
    for keys in _queries(step.rules):
        for entry in source.find(step.level, dict.fromkeys(step.wanted, "") | keys | parents):
            answer = all_of(rule.matches(entry.get(keyword)) for keyword, rule in step.rules.items())
            if answer is not Match.NO and entry.get(unique, "") not in seen:
                seen.add(entry.get(unique, ""))
                yield entry


def _queries(rules: Mapping[str, Rule]) -> list[dict[str, str]]:
    """Return the matching keys to send: a list is one query a value, of UIDs one query (PS3.4 §C.2.2.2)."""
    choices = [[(keyword, key) for key in _keys(keyword, rule)] for keyword, rule in rules.items()]
    return [dict(choice) for choice in product(*choices)]


def _keys(keyword: str, rule: Rule) -> list[str]:
    if isinstance(rule, DateRange):
        return [rule.key()]
    if keyword.endswith("UID"):
        return [str(rule)]
    single = [TextRule((pattern,)).single() for pattern in rule.patterns]
    return single if all(single) else [""]

"""Look things up in a node, level by level.

Not every archive answers relational queries or honours every key (PS3.4 §C.4.1.3), so a lower level is
reached through the levels above it, what comes back is matched again here, and what a node did not say of a
study is asked of its series.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import islice

from adit_cli.dicom.matching import Match, all_of
from adit_cli.dicom.query import Attributes, Level, without_blanks
from adit_cli.errors import NodeError, Reason, TransientNodeError
from adit_cli.nodes.base import Relational, Source, Streaming
from adit_cli.tasks.steps import (
    TOLD_BY_SERIES,
    UNIQUE_KEYS,
    Lookup,
    Rule,
    Step,
    is_about_studies,
    parse_rule,
    relational_step,
    series_rules,
    steps_of,
    wanted_of_above,
)

__all__ = ["UNIQUE_KEYS", "Lookup", "Remarks", "Rule", "look_up", "look_up_each", "parse_rule"]
logger = logging.getLogger(__name__)
_LIMITS = frozenset((100, 200, 250, 256, 300, 400, 500, 512, 1000, 1024, 2000, 2048, 5000))
"""Numbers of answers after which archives that give no more are known to end."""
_WHO = ("PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate")
_OF_PATIENT = frozenset((*_WHO, "PatientSex", "PatientBirthTime", "OtherPatientIDs", "OtherPatientNames"))


def look_up(source: Source, lookup: Lookup, limit: int | None = None) -> list[Attributes]:
    """Return what the source has, in its own order, at most `limit` entries."""
    return list(islice(look_up_each(source, lookup), limit))


@dataclass(slots=True)
class Remarks:
    """What a person should know of the answers."""

    untold: Counter[str] = field(default_factory=Counter[str])
    """Of how many entries that are listed nobody knows whether a rule holds, by what it is about."""
    left_out: Counter[str] = field(default_factory=Counter[str])
    """The same of those that are not, since the archive was not asked to match it."""
    limits: set[int] = field(default_factory=set[int])
    """Numbers of answers to one question that may be all that the archive gives."""

    def keeps(self, step: Step, unknown: Iterable[str]) -> bool:
        """Note what nobody knows of an entry; return whether it is listed all the same."""
        hidden = {keyword for keyword in unknown if not step.is_sent(keyword)}
        self.left_out.update(hidden)
        self.untold.update(() if hidden else unknown)
        return not hidden

    def sentences(self, node: str) -> Iterator[str]:
        """Yield what to say of a node."""
        for keyword, number in sorted(self.untold.items()):
            yield f"{node} does not tell {keyword} everywhere: {number} listed all the same"
        for keyword, number in sorted(self.left_out.items()):
            yield f"{node} does not tell {keyword} everywhere: {number} left out"
        for number in sorted(self.limits):
            yield (
                f"{node} gave exactly {number} answers to a question, which may be as many as it gives: "
                "narrow the query, as by --date"
            )


def look_up_each(source: Source, lookup: Lookup, remarks: Remarks | None = None) -> Generator[Attributes]:
    """Yield what the source has as it comes; the same thing once, two things under one UID both."""
    remarks = remarks or Remarks()
    match lookup.level:
        case Level.PATIENT:
            yield from _patients(source, lookup, remarks)
        case Level.STUDY:
            yield from _studies(source, lookup, remarks)
        case Level.SERIES | Level.IMAGE:
            steps = steps_of(lookup)
            found = _at_once(source, lookup) if len(steps) > 1 else None
            yield from _below(source, steps, {}, remarks) if found is None else found


def _patients(source: Source, lookup: Lookup, remarks: Remarks) -> Iterator[Attributes]:
    """Yield patients, from their studies where that is what the rules are about, or nobody knows patients."""
    if not is_about_studies(lookup):
        try:
            yield from _told(source, steps_of(lookup)[0], {}, remarks)
        except NodeError as error:
            if error.reason is not Reason.NO_CONTEXT:
                raise
            logger.info("%s The patients are taken from its studies", error.message)
        else:
            return
    seen: set[tuple[str | None, ...]] = set()
    wanted = tuple(dict.fromkeys((*_OF_PATIENT.intersection(lookup.wanted), "PatientID")))
    for study in _studies(source, replace(lookup, level=Level.STUDY, wanted=wanted), remarks):
        identity = tuple(study.get(keyword) for keyword in _WHO)
        if identity not in seen:
            seen.add(identity)
            yield {keyword: study[keyword] for keyword in study if keyword in _OF_PATIENT}


def _told(
    source: Source, step: Step, above: Attributes, remarks: Remarks, deeper: Sequence[Step] = ()
) -> Iterator[Attributes]:
    """Yield the entries of a level of which enough is known, or will be told of what is below them."""
    below = _told_below(deeper)
    for entry, unknown in _entries(source, step, above, remarks, at_once=bool(deeper)):
        if remarks.keeps(step, unknown - below):
            yield entry


def _told_below(steps: Sequence[Step]) -> set[str]:
    return {above for step in steps for above, below in TOLD_BY_SERIES.items() if below in step.rules}


def _studies(source: Source, lookup: Lookup, remarks: Remarks) -> Iterator[Attributes]:
    """Yield the studies; those of which the node did not say enough last, when their series were asked."""
    (step,) = steps_of(lookup)
    unsure: list[Attributes] = []
    of_series = series_rules(lookup)
    for entry, unknown in _entries(source, step, {}, remarks):
        if not remarks.keeps(step, unknown - TOLD_BY_SERIES.keys()):
            continue
        if of_series or TOLD_BY_SERIES.keys() & unknown:
            unsure.append(entry)
        else:
            yield entry
    for entry in unsure:
        told = {TOLD_BY_SERIES[k]: r for k, r in step.rules.items() if k in TOLD_BY_SERIES and k not in entry}
        if _has_series(source, entry, told | of_series, remarks):
            yield entry


def _has_series(source: Source, study: Attributes, rules: Mapping[str, Rule], remarks: Remarks) -> bool:
    """Return whether any series of a study is as the rules say, or may be for all that anybody knows."""
    step = Step(Level.SERIES, rules, (*rules, "SeriesInstanceUID"))
    parent = {"StudyInstanceUID": study.get("StudyInstanceUID", "")}
    unknown: set[str] = set()
    for keys in step.queries():
        for series in source.find(Level.SERIES, dict.fromkeys(step.wanted, "") | keys | parent):
            judged = dict(step.judged(without_blanks(Level.SERIES, series)))
            if all_of(judged.values()) is Match.YES:
                return True
            if Match.NO not in judged.values():
                unknown |= {keyword for keyword, match in judged.items() if match is Match.UNKNOWN}
    return bool(unknown) and remarks.keeps(step, unknown)


def _at_once(source: Source, lookup: Lookup) -> list[Attributes] | None:
    """Return what a relational source finds with one question; None where it cannot, or does not say enough.

    Some accept relational queries and then pass over the keys of the levels above, or find nothing by them.
    What looks cut may be whole study by study.
    """
    if not (isinstance(source, Relational) and source.is_relational()):
        return None
    remarks = Remarks()
    try:
        entries = list(_entries(source, relational_step(lookup), {}, remarks, at_once=True))
    except NodeError as error:
        if error.transient:
            raise
        logger.info("%s Asking level by level", error.message)
        return None
    told = {keyword for entry, _ in entries for keyword in entry}
    if remarks.limits or any(unknown for _, unknown in entries) or not wanted_of_above(lookup) <= told:
        return None
    return [entry for entry, _ in entries] or None


def _below(
    source: Source, steps: Sequence[Step], above: Attributes, remarks: Remarks
) -> Iterator[Attributes]:
    step, deeper = steps[0], steps[1:]
    entries = _told(source, step, above, remarks, deeper)
    for entry in _one_each(list(entries), UNIQUE_KEYS[step.level]) if deeper else entries:
        yield from _below(source, deeper, above | entry, remarks) if deeper else (above | entry,)


def _one_each(entries: list[Attributes], unique: str) -> Iterator[Attributes]:
    """Yield one entry for each UID: of two under one, what they have in common, since both have all below."""
    found: dict[str, Attributes] = {}
    for entry in entries:
        known = found.setdefault(entry.get(unique, ""), entry)
        if known is not entry:
            logger.warning("the node has two entries under %s %s", unique, entry.get(unique))
            found[entry.get(unique, "")] = dict(known.items() & entry.items())
    yield from found.values()


def _entries(
    source: Source, step: Step, above: Attributes, remarks: Remarks, *, at_once: bool = False
) -> Iterator[tuple[Attributes, set[str]]]:
    """Yield each matching entry of one level once, and what of it the node did not say."""
    parents = {keyword: above[keyword] for keyword in UNIQUE_KEYS.values() if above.get(keyword)}
    seen: set[tuple[str | None, ...]] = set()
    for keys in step.queries():
        asked = dict.fromkeys(step.wanted, "") | keys | parents
        number = 0
        for answer in source.find(step.level, asked) if at_once else _answers(source, step.level, asked):
            number += 1
            entry = without_blanks(step.level, answer)
            judged = dict(step.judged(entry))
            identity = tuple(entry.get(keyword) for keyword in (UNIQUE_KEYS[step.level], *_WHO))
            if identity not in seen and Match.NO not in judged.values():
                seen.add(identity)
                yield entry, {keyword for keyword, match in judged.items() if match is Match.UNKNOWN}
        remarks.limits |= {number} & _LIMITS


def _answers(source: Source, level: Level, keys: Mapping[str, str]) -> Iterator[Attributes]:
    """Yield the answers as they come; where that breaks off all are asked for again, to be told once each."""
    if isinstance(source, Streaming):
        try:
            with closing(source.search(level, keys)) as answers:
                yield from answers
        except TransientNodeError as error:
            logger.info("Asking again: %s", error)
        else:
            return
    yield from source.find(level, keys)

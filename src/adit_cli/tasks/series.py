"""Choose which series of a study are taken. An unknown value is asked for one level deeper first."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adit_cli.dicom.matching import Match
from adit_cli.dicom.query import Attributes, Level, without_blanks
from adit_cli.nodes.base import Source

if TYPE_CHECKING:  # `adit get` needs no job, and loading its models takes as long as the rest
    from adit_cli.jobfile.job import Job
    from adit_cli.jobfile.selector import SeriesRules

BLOCKED = "deidentify.modalities.exclude"
_COUNT = "NumberOfSeriesRelatedInstances"
SERIES_ASKED = ("SeriesInstanceUID", "Modality", "SeriesNumber", "SeriesDescription", _COUNT)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A series that a rule keeps out."""

    series_uid: str
    rule: str


@dataclass(frozen=True, slots=True)
class SeriesChoice:
    """The series of one study, as its source listed them."""

    taken: tuple[Attributes, ...]
    left_out: tuple[LeftOut, ...] = ()
    untold: frozenset[str] = frozenset()
    """Keywords on which a rule depends, and of which the source says nothing."""

    @property
    def uids(self) -> tuple[str, ...]:
        """Series Instance UIDs that are taken."""
        return tuple(series["SeriesInstanceUID"] for series in self.taken)

    @property
    def instances(self) -> int | None:
        """How many instances are taken; None where the source did not say."""
        counts = [count_of(series) for series in self.taken]
        return None if None in counts else sum(count or 0 for count in counts)


@dataclass(frozen=True, slots=True)
class SeriesFilter:
    """What decides: the job's rules, and the modalities that never leave."""

    rules: SeriesRules
    blocked: frozenset[str] = frozenset()

    @property
    def decides(self) -> bool:
        """Whether it can keep a series out at all."""
        return bool(self.rules.include or self.rules.exclude or self.blocked)

    def may_keep_out(self, study: Attributes) -> bool:
        """Return whether a series of this study may be kept out, so that its series must be looked at."""
        modalities = study.get("ModalitiesInStudy")
        if self.rules.include or self.rules.exclude or not modalities:
            return self.decides
        return not self.blocked.isdisjoint(modalities.upper().split("\\"))

    def choose(self, source: Source, study_uid: str, only: Collection[str] = ()) -> SeriesChoice:
        """Return which series of the study to take; `only` these where a cohort's rows named some."""
        taken: list[Attributes] = []
        left_out: list[LeftOut] = []
        untold: set[str] = set()
        for series in list_series(source, study_uid, self.rules.keys()):
            uid = series["SeriesInstanceUID"]
            if only and uid not in only:
                continue
            rule = self._keeps_out(source, study_uid, series, untold)
            if rule:
                left_out.append(LeftOut(uid, rule))
            else:
                taken.append(series)
        return SeriesChoice(tuple(taken), tuple(left_out), frozenset(untold))

    def _keeps_out(self, source: Source, study_uid: str, series: Attributes, untold: set[str]) -> str:
        """Return the rule that keeps a series out, as the user finds it in the job file; else nothing."""
        if series.get("Modality", "").upper() in self.blocked:
            return f"{BLOCKED}: {series['Modality'].upper()}"
        if self.rules.admits(series) is Match.UNKNOWN:
            undecided = self.rules.undecided(series)
            untold |= undecided & deepen(source, study_uid, series, self.rules.keys())
        for number, rule in enumerate(self.rules.exclude):
            if rule.matches(series) is not Match.NO:
                return f"select.series.exclude[{number}]"
        return "" if self.rules.admits(series) is Match.YES else "select.series.include"


def series_filter(job: Job) -> SeriesFilter:
    """Return what decides on the series of a job's studies."""
    deid = job.deid
    return SeriesFilter(job.select.series, deid.excluded if deid.profile != "none" else frozenset())


def count_of(series: Attributes) -> int | None:
    """Return how many instances the source counts in a series; None where it did not say."""
    count = series.get(_COUNT, "").strip()
    return int(count) if count.isdecimal() else None


def instances_in(source: Source, study_uid: str, series: Attributes) -> int:
    """Return how many instances a source has of a series, from as deep as it takes to know."""
    counted = count_of(series)
    if counted is not None:
        return counted
    keys = {"StudyInstanceUID": study_uid, "SeriesInstanceUID": series["SeriesInstanceUID"]}
    return len(source.find(Level.IMAGE, {**keys, "SOPInstanceUID": ""}))


def list_series(source: Source, study_uid: str, more_keys: Collection[str] = ()) -> list[Attributes]:
    """Return the series of a study, each once, whatever else the source answers."""
    keys = dict.fromkeys((*SERIES_ASKED, *more_keys), "") | {"StudyInstanceUID": study_uid}
    found: dict[str, Attributes] = {}
    for answer in source.find(Level.SERIES, keys):
        series = without_blanks(Level.SERIES, answer)
        uid = series.get("SeriesInstanceUID", "")
        if uid and series.get("StudyInstanceUID", study_uid) == study_uid:
            found.setdefault(uid, series)
    return list(found.values())


def deepen(source: Source, study_uid: str, series: Attributes, keywords: Collection[str]) -> set[str]:
    """Add to a series what only its instances tell; after that, what is not known counts as empty.

    Return what they do not tell either.
    """
    unknown = [keyword for keyword in keywords if keyword not in series]
    keys = dict.fromkeys((*unknown, "SOPInstanceUID"), "")
    keys.pop(_COUNT, None)
    unique = {"StudyInstanceUID": study_uid, "SeriesInstanceUID": series["SeriesInstanceUID"]}
    instances = source.find(Level.IMAGE, keys | unique)
    for keyword in unknown:
        told = (instance[keyword] for instance in instances if instance.get(keyword))
        series[keyword] = next(told, "")
    if _COUNT in unknown:
        series[_COUNT] = str(len(instances))
    return untold_by(instances, unknown) - {_COUNT}


def untold_by(answers: Sequence[Attributes], keywords: Collection[str]) -> set[str]:
    """Return of which of the attributes no answer says anything, not even that it is empty."""
    return {keyword for keyword in keywords if all(keyword not in answer for answer in answers)}

"""What a plan is: the tasks, what became none, and the counts that a person wants to see first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from adit_cli.errors import Reason
from adit_cli.tasks.task import TransferTask, Unresolved

EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Excluded:
    """How much one rule keeps out, with some UIDs to look at."""

    rule: str
    level: str
    count: int
    examples: tuple[str, ...]

    def with_more(self, more: Excluded) -> Excluded:
        """Return it with what the same rule keeps out elsewhere."""
        examples = (*self.examples, *more.examples)[:EXAMPLES]
        return Excluded(self.rule, self.level, self.count + more.count, examples)


@dataclass(frozen=True, slots=True)
class PlannedStudy:
    """A task, and what a person wants to see of its study before it moves."""

    task: TransferTask
    study_date: str = ""
    modalities: str = ""
    description: str = ""
    series: int | None = None
    availability: str = ""
    """Instance Availability as the source told it: ONLINE, NEARLINE, OFFLINE, UNAVAILABLE or nothing."""

    def with_rows(self, rows: tuple[int, ...]) -> PlannedStudy:
        """Return it as asked for by these rows."""
        return self if rows == self.task.rows else replace(self, task=replace(self.task, rows=rows))


@dataclass(frozen=True, slots=True)
class Plan:
    """What would move. rows → lookups (unique) → studies → series → instances."""

    studies: tuple[PlannedStudy, ...] = ()
    unresolved: tuple[Unresolved, ...] = ()
    excluded: tuple[Excluded, ...] = ()
    rows: int = 0
    lookups: int = 0
    notes: tuple[str, ...] = ()
    """Sentences for a person, without identifiers of a patient."""
    part: str = ""
    """What of the job this is the plan of; nothing is all of it."""

    @property
    def tasks(self) -> tuple[TransferTask, ...]:
        """What is to be done, in the order in which it was asked for."""
        return tuple(study.task for study in self.studies)

    @property
    def is_cut(self) -> bool:
        """Whether a source may have more studies than it answered."""
        return any(one.reason is Reason.INCOMPLETE for one in self.unresolved)

    @property
    def series(self) -> int | None:
        """How many series would move; None where a source did not say."""
        return _total(study.series for study in self.studies)

    @property
    def instances(self) -> int | None:
        """How many instances would move; None where a source did not say."""
        return _total(study.task.instances for study in self.studies)


def joined(parts: Iterable[Plan]) -> Plan:
    """Return the parts of a plan as one; a study that comes again is taken as it came last."""
    studies: dict[str, PlannedStudy] = {}
    unresolved: list[Unresolved] = []
    excluded: dict[tuple[str, str], Excluded] = {}
    rows, lookups, notes = 0, 0, list[str]()
    for part in parts:
        studies |= {study.task.study_uid: study for study in part.studies}
        unresolved += part.unresolved
        for one in part.excluded:
            known = excluded.get((one.rule, one.level))
            excluded[one.rule, one.level] = one if known is None else known.with_more(one)
        rows, lookups = rows + part.rows, lookups + part.lookups
        notes += part.notes
    return Plan(
        tuple(studies.values()), tuple(unresolved), tuple(excluded.values()), rows, lookups, tuple(notes)
    )


def _total(counts: Iterable[int | None]) -> int | None:
    found = list(counts)
    return None if None in found else sum(count or 0 for count in found)

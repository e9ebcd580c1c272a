"""What a plan is: the tasks, what became none, and the counts that a person wants to see first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from adit_cli.tasks.task import TransferTask, Unresolved

EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Excluded:
    """How much one rule keeps out, with some UIDs to look at."""

    rule: str
    level: str
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlannedStudy:
    """A task, and what a person wants to see of its study before it moves."""

    task: TransferTask
    study_date: str = ""
    modalities: str = ""
    description: str = ""
    series: int | None = None


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

    @property
    def tasks(self) -> tuple[TransferTask, ...]:
        """What is to be done, in the order in which it was asked for."""
        return tuple(study.task for study in self.studies)

    @property
    def series(self) -> int | None:
        """How many series would move; None where a source did not say."""
        return _total(study.series for study in self.studies)

    @property
    def instances(self) -> int | None:
        """How many instances would move; None where a source did not say."""
        return _total(study.task.instances for study in self.studies)


def _total(counts: Iterable[int | None]) -> int | None:
    found = list(counts)
    return None if None in found else sum(count or 0 for count in found)

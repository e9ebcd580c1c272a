"""What a job asks its sources, in batches of questions: all at once, or parts that can be run by themselves.

A job runs in parts only where nothing that is found later can change what a study becomes: pseudonyms from
a table are checked against each other before anything moves, and rows that name series add up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from adit_cli.jobfile.job import Job
from adit_cli.jobfile.query import Query
from adit_cli.tasks.exclusion import Exclusion, exclusion_of
from adit_cli.tasks.questions import QUERY, Part, Question
from adit_cli.tasks.windows import partitions
from adit_cli.tasks.wishes import Wish, wanted_by

BATCH = 100
"""Rows and UIDs that are looked up before what was found of them moves."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Questions that are asked and planned together."""

    label: str
    questions: Sequence[Question]
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Scope:
    """All of a job's questions."""

    batches: tuple[Batch, ...]
    exclusion: Exclusion = field(default_factory=Exclusion)
    warnings: tuple[str, ...] = ()
    """What a person should look at in the job's tables."""

    @property
    def questions(self) -> int:
        """How many there are."""
        return sum(len(batch.questions) for batch in self.batches)

    @property
    def is_whole(self) -> bool:
        """Whether they are planned all together."""
        return len(self.batches) <= 1

    def as_one(self) -> Scope:
        """Return it as one batch."""
        questions = tuple(question for batch in self.batches for question in batch.questions)
        return replace(self, batches=(Batch("", questions, sum(batch.rows for batch in self.batches)),))


def scope_of(job: Job, today: date | None = None, delivered: Collection[str] = ()) -> Scope:
    """Return a job's questions; UsageError with everything that is wrong with its tables.

    `delivered` are the studies that the earlier jobs delivered which it is to leave out.
    """
    wanted = wanted_by(job)
    parts = list(_parts(job, today or datetime.now(tz=UTC).date()))
    if _depends_on_all(job, wanted.wishes):
        batches = [Batch("", (*wanted.wishes, *parts), wanted.rows)]
    else:
        batches = [*_of_wishes(wanted.wishes, wanted.rows), *(Batch(str(part), (part,)) for part in parts)]
    return Scope(tuple(batches) or (Batch("", ()),), exclusion_of(job, delivered), wanted.warnings)


def _parts(job: Job, today: date) -> Iterator[Part]:
    queries = _queries(job)
    for number, query in enumerate(queries):
        name = f"{QUERY}[{number}]" if len(queries) > 1 else QUERY
        for window in partitions(query.study_date, query.partition, today):
            yield Part(query, window, today, name)


def _queries(job: Job) -> list[Query]:
    studies = job.select.studies
    everything = not studies.cohort and "uids" not in studies.model_fields_set
    return list(studies.query) or ([Query()] if everything else [])


def _of_wishes(wishes: Sequence[Wish], rows: int) -> Iterator[Batch]:
    for start in range(0, len(wishes), BATCH):
        some = wishes[start : start + BATCH]
        label = f"rows and UIDs {start + 1} to {start + len(some)}"
        yield Batch(label, some, 0 if start else rows)


def _depends_on_all(job: Job, wishes: Sequence[Wish]) -> bool:
    from_table = job.pseudonyms is not None and job.pseudonyms.source in {"map", "column"}
    return from_table or any(row.series_uid for wish in wishes for row in wish.rows)

"""Read the tables that a job names, so that their mistakes are told before anybody is asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from adit_cli.jobfile.job import Job
from adit_cli.tasks.cohort import Table, extra_columns
from adit_cli.tasks.exclusion import exclusion_of
from adit_cli.tasks.pseudonyms import read_map
from adit_cli.tasks.tables import Mistakes
from adit_cli.tasks.wishes import tables_of, wanted_by


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a job's tables hold."""

    rows: int
    """Rows and UIDs that ask for something."""
    questions: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InputRow:
    """One row of a cohort, as the results show it."""

    number: int
    where: str
    extra: dict[str, str]
    """The columns that mean nothing to us, by their headers."""


def read_inputs(job: Job) -> Inputs:
    """Return what a job asks for; UsageError with every problem of its tables."""
    mistakes, names = Mistakes(), job.pseudonyms.file if job.pseudonyms else None
    if names:
        mistakes.noted(lambda: read_map(names))
    mistakes.noted(lambda: exclusion_of(job))
    wanted = mistakes.noted(lambda: wanted_by(job))
    mistakes.raise_any()
    return Inputs(wanted.rows, len(wanted.wishes), wanted.warnings) if wanted else Inputs(0, 0)


def input_rows(job: Job) -> Iterator[InputRow]:
    """Yield the rows of a job's cohorts one by one, with the numbers that its tasks know them by."""
    last = 0
    for table in tables_of(job):
        after = last
        for number, where, extra in extra_columns(table, after):
            last = number
            yield InputRow(number, where, extra)


def fingerprint(job: Job) -> str:
    """Return what changes when a job's tables do; UsageError where one is gone."""
    return "\n".join(map(_state_of, tables_of(job)))


def _state_of(table: Table) -> str:
    found = table.path.stat()
    return (
        f"{table.path}\t{table.sheet}\t{sorted(table.columns.items())}\t{found.st_mtime_ns}\t{found.st_size}"
    )

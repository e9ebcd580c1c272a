"""Read the tables that a job names, so that their mistakes are told before anybody is asked."""

from __future__ import annotations

from adit_cli.jobfile.job import Job
from adit_cli.tasks.pseudonyms import read_map
from adit_cli.tasks.wishes import wishes_of


def read_inputs(job: Job) -> int:
    """Return how many rows and UIDs a job asks for; UsageError with every problem of its tables."""
    if job.pseudonyms and job.pseudonyms.file:
        read_map(job.pseudonyms.file)
    wishes, rows = wishes_of(job)
    return max(len(wishes), rows)

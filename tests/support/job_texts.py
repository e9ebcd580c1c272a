"""Jobs for tests, written as a user writes them."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from adit_cli.jobfile.job import Job
from adit_cli.jobfile.load import load_job

KEY = b"a key for tests, and for nothing else"
BASIC_JOB = """
source: {folder: in}
destinations: [{folder: out}]
"""


def job_of(folder: Path, text: str = BASIC_JOB, **variables: str) -> Job:
    """Return the job that this text describes; the format's version and a name are added."""
    path = folder / "job.yaml"
    path.write_text(f"adit: 1\nname: test\n{dedent(text)}", encoding="utf-8")
    return load_job(path, variables=variables)

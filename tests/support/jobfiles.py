"""Job files of tests: one that is right, changed in the place that a test is about."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from adit_cli.errors import JobFileError
from adit_cli.jobfile.config import Config
from adit_cli.jobfile.job import Job
from adit_cli.jobfile.load import load_job

RIGHT = """\
adit: 1
name: lung
nodes:
  clinical: {dimse: CLINICAL@pacs.example.org:104}
  research: {dimse: RESEARCH@research.example.org:11112}
  export: {folder: out}
source: clinical
destinations: [export]
select: {studies: {uids: [1.2.3]}}
"""
SUNDAY = date(2024, 3, 31)


def job_text(*lines: str, **changed: str) -> str:
    """Return the right job file with other lines for these keys (none for an empty one), and more lines."""
    text = RIGHT
    for key, value in changed.items():
        line = f"{key}: {value}\n" if value else ""
        text = re.sub(rf"^{key}:.*\n(?:  .*\n)*", line.replace("\\", r"\\"), text, flags=re.MULTILINE)
    return text + "".join(f"{line}\n" for line in lines)


def read_job(
    folder: Path,
    text: str,
    *,
    variables: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    config: Config | None = None,
    stdin_uids: tuple[str, ...] | None = None,
) -> Job:
    """Return the job of this text; without other values, the environment is empty."""
    path = folder / "job.yaml"
    path.write_text(text, "utf-8")
    return load_job(
        path,
        variables=variables,
        config=config,
        stdin_uids=stdin_uids,
        environment=environment or {},
        today=SUNDAY,
    )


def problems(
    folder: Path,
    text: str,
    *,
    variables: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    config: Config | None = None,
    stdin_uids: tuple[str, ...] | None = None,
) -> list[str]:
    """Return what is wrong with this text, one problem a line, without the folder."""
    with pytest.raises(JobFileError) as caught:
        read_job(
            folder,
            text,
            variables=variables,
            environment=environment,
            config=config,
            stdin_uids=stdin_uids,
        )
    return caught.value.message.replace(f"{folder}/", "").splitlines()

from __future__ import annotations

from pathlib import Path

import pytest

from adit_cli.engine.shares import most_workers, share
from adit_cli.jobfile.job import Job
from adit_cli.jobfile.load import load_job
from adit_cli.jobfile.node import ServerNode

JOB = """\
adit: 1
name: shares
nodes:
  clinical: {{dimse: "CLINICAL@pacs:104", limits: {{associations: {source}}}}}
  research: {{dimse: "RESEARCH@pacs:105", limits: {{associations: {destination}}}}}
  out: {{folder: out}}
source: clinical
destinations: [{to}]
select: {{studies: {{uids: ["1.2.3"]}}}}
"""


def job(tmp_path: Path, source: int, destination: int, to: str = "research, out") -> Job:
    (tmp_path / "job.yaml").write_text(JOB.format(source=source, destination=destination, to=to))
    return load_job(tmp_path / "job.yaml")


def associations(job: Job, workers: int, name: str) -> int:
    spec = share(job, workers)[name]
    assert isinstance(spec, ServerNode)
    return spec.limits.associations


@pytest.mark.parametrize(("source", "destination", "expected"), [(4, 8, 4), (8, 3, 3), (1, 1, 1)])
def test_the_strictest_server_says_how_many_workers_there_are(
    tmp_path: Path, source: int, destination: int, expected: int
) -> None:
    assert most_workers(job(tmp_path, source, destination)) == expected


def test_folders_and_servers_out_of_use_limit_nothing(tmp_path: Path) -> None:
    assert most_workers(job(tmp_path, 4, 1, to="out")) == 4


@pytest.mark.parametrize(("workers", "expected"), [(1, 8), (2, 4), (3, 2), (16, 1)])
def test_workers_share_what_a_server_allows(tmp_path: Path, workers: int, expected: int) -> None:
    one = job(tmp_path, 8, 8)

    assert associations(one, workers, "clinical") == expected
    assert share(one, workers)["out"] == one.node("out")

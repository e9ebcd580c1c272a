"""Windows and studies an hour of a real PACS: what they hold back does not reach it."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.support.builders import BuiltStudy, build_studies
from tests.support.hours import another_day, these_days
from tests.support.peers import Orthanc
from tests.support.program import Adit

pytestmark = pytest.mark.peers

JOB = """\
adit: 1
name: {name}
nodes: {{clinical: {{dimse: "{address}", limits: {{{limits}}}}}}}
source: clinical
destinations: [{{folder: out}}]
select: {{studies: {{uids: [{uid}]}}}}
"""


@pytest.fixture
def studies(pacs: Orthanc, tmp_path: Path) -> list[BuiltStudy]:
    """Two studies in the PACS."""
    made = build_studies(tmp_path / "made", 2, modalities=("CT",), instances=2)
    for study in made:
        pacs.upload(study.files)
    return made


def job(adit: Adit, pacs: Orthanc, study: BuiltStudy, limits: str, name: str = "nightly") -> Path:
    adit.folder.mkdir(exist_ok=True)
    path = adit.folder / f"{name}.yaml"
    path.write_text(JOB.format(name=name, address=pacs.address, limits=limits, uid=study.uid))
    return path


def files(adit: Adit) -> int:
    return len(list((adit.folder / "out").rglob("*.dcm")))


def test_a_closed_window_moves_nothing_and_the_same_job_moves_when_it_is_open(
    pacs: Orthanc, studies: list[BuiltStudy], tmp_path: Path
) -> None:
    adit = Adit(tmp_path / "a")

    closed = adit("transfer", job(adit, pacs, studies[0], f"window: {another_day()}"))
    before = files(adit)
    opened = adit("transfer", job(adit, pacs, studies[0], f'window: ["{another_day()}", "{these_days()}"]'))

    assert (closed.code, before) == (5, 0), closed.err
    assert "the window of clinical opens" in closed.err
    assert (opened.code, files(adit)) == (0, 2), opened.err


def test_the_studies_of_an_hour_are_counted_over_all_jobs_of_the_machine(
    pacs: Orthanc, studies: list[BuiltStudy], tmp_path: Path
) -> None:
    adit = Adit(tmp_path / "a")
    first = adit("transfer", job(adit, pacs, studies[0], "studies_per_hour: 1", "first"))

    second = job(adit, pacs, studies[1], "studies_per_hour: 1", "second")
    process = adit.start("transfer", second, "--progress", "json")
    assert process.stdout is not None
    waits = next(event for event in map(json.loads, process.stdout) if event["event"] == "run-waits")
    status = adit("status", "second")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)

    assert (first.code, process.returncode, files(adit)) == (0, 5, 2), first.err
    assert (waits["hold"]["node"], waits["hold"]["by"]) == ("clinical", "studies_per_hour")
    assert 0 < waits["hold"]["until"] - waits["since"] <= 3601
    assert "waits: limits.studies_per_hour of clinical lets the next study in" in status.out

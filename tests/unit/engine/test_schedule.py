from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from adit_cli.engine.schedule import Schedule, schedule
from adit_cli.jobfile.job import Job
from adit_cli.jobfile.load import load_job
from adit_cli.tasks.planned import PlannedStudy
from tests.support.engine_tasks import task
from tests.support.hours import BERLIN, at

NOON = at("2024-01-29 12:00")
HOUR = 3600


def job(folder: Path, *limits: str, research: str = "") -> Job:
    """Return a job with a source of each limits."""
    names = [f"pacs{number}" for number in range(len(limits))]
    nodes = [
        f'  {name}: {{dimse: "A@{name}:104", limits: {{{each}}}}}'
        for name, each in zip(names, limits, strict=True)
    ]
    text = "\n".join(
        [
            "adit: 1",
            "name: nightly",
            "nodes:",
            *nodes,
            f'  research: {{dimse: "R@research:104", limits: {{{research}}}}}',
            f"source: [{', '.join(names)}]",
            "destinations: [research]",
            "select: {studies: {uids: [1.2.3]}}",
        ]
    )
    (folder / "job.yaml").write_text(text)
    return load_job(folder / "job.yaml")


def studies(number: int, source: str = "pacs0") -> list[PlannedStudy]:
    return [PlannedStudy(replace(task(f"{source}{one}"), source=source)) for one in range(number)]


def found(job: Job, planned: list[PlannedStudy], seconds: float | None, now: float = NOON) -> Schedule:
    one = schedule(job, planned, seconds, now, BERLIN)
    assert one is not None
    return one


def test_work_goes_on_from_window_to_window(tmp_path: Path) -> None:
    nights = job(tmp_path, 'window: ["Mon-Fri 19:00-06:00"]')

    one = found(nights, studies(5), 14 * HOUR)

    assert one.windows == {"pacs0": ("Mon-Fri 19:00-06:00",)}
    assert (one.opens, one.openings) == (at("2024-01-29 19:00"), 2)
    assert one.done_by == at("2024-01-30 22:00")
    assert (one.seconds, one.pace, one.at_least) == (14 * HOUR, None, False)


def test_what_is_left_of_the_present_window_counts(tmp_path: Path) -> None:
    nights = job(tmp_path, "window: 19:00-06:00")

    one = found(nights, studies(1), 2 * HOUR, at("2024-01-30 05:00"))

    assert (one.opens, one.openings) == (at("2024-01-30 05:00"), 2)
    assert one.done_by == at("2024-01-30 20:00")


def test_all_nodes_on_the_way_must_be_open(tmp_path: Path) -> None:
    both = job(tmp_path, "window: 19:00-06:00", research="window: 05:00-20:00")

    one = found(both, studies(1), 3 * HOUR)

    assert one.windows == {"pacs0": ("19:00-06:00",), "research": ("05:00-20:00",)}
    assert (one.openings, one.done_by) == (3, at("2024-01-30 20:00"))


def test_the_studies_of_an_hour_tell_the_time_where_they_are_the_slowest(tmp_path: Path) -> None:
    slow = job(tmp_path, "studies_per_hour: 10", research="studies_per_hour: 100")

    one = found(slow, studies(101), HOUR)

    assert one.pace is not None
    assert (one.pace.node, one.pace.per_hour) == ("pacs0", 10)
    assert one.seconds == pytest.approx(10 * HOUR, abs=1)
    assert one.done_by == pytest.approx(NOON + 10 * HOUR, abs=1)


def test_a_limit_that_is_never_reached_is_not_told(tmp_path: Path) -> None:
    assert schedule(job(tmp_path, "studies_per_hour: 100"), studies(10), HOUR, NOON, BERLIN) is None


def test_without_earlier_runs_the_limit_tells_the_least(tmp_path: Path) -> None:
    one = found(job(tmp_path, "studies_per_hour: 10, window: 19:00-06:00"), studies(131), None)

    assert one.at_least
    assert (one.openings, round(one.seconds or 0, -1)) == (2, 13 * HOUR)


def test_without_any_number_only_the_windows_are_told(tmp_path: Path) -> None:
    one = found(job(tmp_path, "window: 19:00-06:00"), studies(5), None)

    assert (one.opens, one.seconds, one.done_by) == (at("2024-01-29 19:00"), None, None)


def test_a_destination_takes_the_studies_of_all_sources(tmp_path: Path) -> None:
    both = job(tmp_path, "", "window: 19:00-06:00", research="studies_per_hour: 10")

    one = found(both, [*studies(50), *studies(51, "pacs1")], None)

    assert one.pace is not None
    assert (one.pace.node, one.pace.per_hour) == ("research", 10)
    assert (one.opens, one.windows) == (NOON, {"pacs1": ("19:00-06:00",)})
    assert one.done_by == pytest.approx(at("2024-01-30 05:00"), abs=1)


def test_nothing_is_told_of_a_job_without_limits_or_studies(tmp_path: Path) -> None:
    assert schedule(job(tmp_path, ""), studies(5), HOUR, NOON, BERLIN) is None
    assert schedule(job(tmp_path, "window: 19:00-06:00"), [], HOUR, NOON, BERLIN) is None

"""Jobs with a node that has a window or takes so many studies an hour, which is never reached here."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from adit_cli.cli.estimating import schedule_lines
from adit_cli.engine.folders import StateFolder
from adit_cli.engine.hold import HeldBy, Hold
from adit_cli.engine.schedule import Pace, Schedule
from adit_cli.engine.state import open_state
from tests.support.builders import BuiltStudy
from tests.support.commandline import CommandLine
from tests.support.hours import another_day, these_days

JOB = """\
adit: 1
name: nightly
nodes: {{research: {{dimse: "R@127.0.0.1:9", limits: {{{limits}}}}}}}
source: {{folder: images}}
destinations: [research]
"""


def job(adit: CommandLine, limits: str, more: str = "") -> Path:
    path = adit.folder / "nightly.yaml"
    path.write_text(JOB.format(limits=limits) + more, "utf-8")
    return path


@pytest.mark.usefixtures("thorax")
def test_outside_the_window_nothing_moves_and_the_program_ends_with_5(adit: CommandLine) -> None:
    day = another_day()
    ended = adit.run("transfer", job(adit, f"window: {day}"))
    status = adit.run("status", "nightly")
    jobs = json.loads(adit.run("status", "--format", "json").out)

    assert ended.code == 5
    assert "nightly: 0 studies done, 1 pending; nothing moved" in ended.err
    assert f"stopped outside a window: the window of research opens {day}" in ended.err
    assert f"stopped outside a window: the window of research opens {day}" in status.out
    assert "1 pending" in status.out
    assert jobs[0]["waits_for"] == "window of research"
    assert jobs[0]["waits_until"].endswith("00:00")


@pytest.mark.usefixtures("thorax")
def test_waiting_ends_when_the_time_of_the_run_is_over(adit: CommandLine) -> None:
    path = job(adit, f"window: {another_day()}", "run: {outside_window: wait}\n")

    ended = adit.run("transfer", path, "--progress", "plain", "--stop-after", "1s")

    assert ended.code == 5
    assert "stopped outside a window" not in ended.err


@pytest.mark.usefixtures("thorax")
def test_a_plan_says_when_studies_may_move(adit: CommandLine) -> None:
    day = another_day()
    path = job(adit, f'window: ["{day}"]')

    shown = adit.run("plan", path)
    made = json.loads(adit.run("plan", path, "--format", "json").out)["estimate"]["schedule"]

    assert f"moves in the window of research ({day}), from {day} " in shown.err
    assert made["windows"] == {"research": [day]}
    assert made["opens"][11:19] == "00:00:00"
    assert (made["work_seconds"], made["done_by"], made["openings"]) == (None, None, 0)


def test_a_plan_in_a_file_tells_the_windows_too(adit: CommandLine, thorax: BuiltStudy) -> None:
    days = these_days()
    cohort = "select: {studies: {uids: [" + thorax.uid + "]}}\n"
    path = job(adit, f"window: {days}, studies_per_hour: 1", cohort)
    plan = adit.folder / "plan.json"

    shown = adit.run("plan", path, "--output", plan)

    assert f"moves in the window of research ({days}), from " in shown.err
    assert json.loads(plan.read_text())["estimate"]["schedule"]["windows"] == {"research": [days]}


def test_check_names_the_windows_and_limits(adit: CommandLine) -> None:
    limits = 'window: ["Mon-Fri 19:00-06:00", "Sat-Sun"], studies_per_hour: 300'

    said = " ".join(adit.run("check", job(adit, limits, "run: {stop_after: 8h}\n")).out.split())

    assert "only in the window of research: Mon-Fri 19:00-06:00, Sat-Sun; stops outside" in said
    assert "at most 300 studies an hour with research" in said
    assert "for 8 h at most" in said


def test_a_schedule_is_told_as_a_person_plans_it() -> None:
    evening, later = (datetime(2024, 1, day, 19).timestamp() for day in (28, 31))  # noqa: DTZ001 - local
    schedule = Schedule(
        {"clinical": ("19:00-06:00", "Sat-Sun")},
        evening,
        14 * 3600.0,
        Pace(14 * 3600.0, "clinical", 1200),
        at_least=True,
        openings=2,
        done_by=later,
    )

    assert list(schedule_lines(schedule)) == [
        "at least 14 h of work at 1,200 studies an hour, the limit of clinical",
        "in 2 openings of the window of clinical (19:00-06:00, Sat-Sun), from Sun 2024-01-28 19:00 on",
        "done by Wed 2024-01-31 19:00, if started now",
    ]
    assert list(schedule_lines(replace(schedule, windows={}, pace=None, at_least=False))) == [
        "about 14 h of work",
        "done by Wed 2024-01-31 19:00, if started now",
    ]


@pytest.mark.parametrize(
    "command", [["get", "pacs", "1.2.3", "-o", "out"], ["move", "pacs", "1.2.3", "--to", "X"]]
)
def test_who_fetches_by_hand_outside_a_window_is_told_and_goes_on(
    adit: CommandLine, command: list[str]
) -> None:
    day = another_day()
    adit.config.write_text(f'nodes: {{pacs: {{dimse: "P@127.0.0.1:9", limits: {{window: {day}}}}}}}\n')

    ended = adit.run(*command)
    quiet = adit.run("-q", *command)
    asked = adit.run("query", "pacs", "--patient-id", "1")

    told = f"pacs: outside its window for jobs ({day}); this goes on all the same"
    assert (ended.code, quiet.code, asked.code) == (6, 6, 6)
    assert told in ended.err
    assert told not in quiet.err + asked.err


def test_what_a_killed_run_waited_for_is_not_told(adit: CommandLine) -> None:
    store_folder = StateFolder(adit.state).create().job("nightly").create()
    with open_state(store_folder) as store:
        number = store.begin_run("nightly")
        store.note_wait(number, Hold("research", HeldBy.WINDOW, 1e11))
    killed = adit.run("status", "nightly").out
    with open_state(store_folder) as store:
        store.end_run(number, 5)
    stopped = adit.run("status", "nightly").out
    with open_state(store_folder) as store:
        store.note_wait(number, Hold("research", HeldBy.WINDOW, 1e9))

    assert "research" not in killed
    assert "stopped outside a window: the window of research opens" in stopped
    assert "research" not in adit.run("status", "nightly").out

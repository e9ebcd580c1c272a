from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from adit_cli.engine.gate import Gate, gate_of, open_gate
from adit_cli.engine.hold import HeldBy, Hold
from adit_cli.jobfile.load import load_job
from adit_cli.jobfile.window import NEVER
from adit_cli.nodes.quota import Quota
from tests.support.hours import Clock, at, gate, keeper

NOON, NIGHT = at("2024-01-29 12:00"), at("2024-01-29 20:00")
JOB = """\
adit: 1
name: nightly
nodes:
  clinical: {dimse: "CLINICAL@pacs:104", limits: {window: "19:00-06:00", studies_per_hour: 10}}
  other: {dimse: "OTHER@pacs:104"}
  research: {dimse: "RESEARCH@research:104", limits: {window: "22:00-04:00"}}
source: [clinical, other]
destinations: [research, {folder: out}]
select: {studies: {uids: [1.2.3]}}
"""


def test_a_gate_of_nobody_holds_nothing_back() -> None:
    nobody = open_gate()

    assert nobody.holds() == {}
    assert nobody.let_in("pacs")
    assert nobody.closes_at("pacs") == NEVER


def test_a_closed_window_holds_its_source_back_and_no_other() -> None:
    clock = Clock(NOON)
    both = gate(clock, a=keeper("a", "19:00-06:00"), b=keeper("b"))

    assert both.holds() == {"a": Hold("a", HeldBy.WINDOW, at("2024-01-29 19:00"))}
    assert both.others(both.holds()) == {"b"}
    assert both.first_shut() == Hold("a", HeldBy.WINDOW, at("2024-01-29 19:00"))

    clock.now = NIGHT
    assert both.holds() == {}
    assert both.closes_at("a") == at("2024-01-30 06:00")

    clock.now = at("2024-01-30 06:00")
    assert both.holds() == {"a": Hold("a", HeldBy.WINDOW, at("2024-01-30 19:00"))}

    clock.now = NOON
    assert both.holds() == {"a": Hold("a", HeldBy.WINDOW, at("2024-01-29 19:00"))}


def test_studies_wait_for_the_window_on_their_way_that_opens_last() -> None:
    one = gate(Clock(NOON), a=(keeper("a", "19:00-06:00"), keeper("out", "22:00-04:00")))

    assert one.holds() == {"a": Hold("out", HeldBy.WINDOW, at("2024-01-29 22:00"))}


def test_the_studies_of_an_hour_are_counted_as_they_begin(tmp_path: Path) -> None:
    clock = Clock(NOON)
    one = gate(clock, a=keeper("a", quota=Quota(tmp_path, "A", 10)))

    assert one.let_in("a")

    (hold,) = one.holds().values()
    assert (hold.node, hold.by) == ("a", HeldBy.QUOTA)
    assert hold.until == pytest.approx(NOON + 360, abs=0.01)
    assert one.shut() == {}
    clock.now = NOON + 361
    assert one.holds() == {}


def test_a_study_that_one_of_two_nodes_refuses_counts_at_neither(tmp_path: Path) -> None:
    first, second = Quota(tmp_path, "A", 10), Quota(tmp_path, "B", 10)
    one = gate(Clock(NOON), a=(keeper("a", quota=first), keeper("b", quota=second)))
    second.take(NOON)

    assert not one.let_in("a")

    assert first.take(NOON)


def test_a_job_is_held_by_its_source_and_all_its_destinations(tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text(JOB)
    job = load_job(tmp_path / "job.yaml")

    noon = datetime(2024, 1, 29, 12).timestamp()  # noqa: DTZ001 - a job's windows are the machine's time
    whole: Gate = gate_of(job, tmp_path / "slots", Clock(noon), waits=True)

    assert whole.waits
    assert {source: (hold.node, hold.by) for source, hold in whole.holds().items()} == {
        "clinical": ("research", HeldBy.WINDOW),
        "other": ("research", HeldBy.WINDOW),
    }
    assert whole.let_in("clinical")
    assert not whole.let_in("clinical")
    assert whole.let_in("other")

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from adit_cli.engine.desks import open_desk
from adit_cli.errors import StoppedError
from adit_cli.jobfile.job import Job, Run
from adit_cli.nodes.limits import NodeSlots
from tests.support.job_texts import job_of

ADDRESS = "PACS@localhost:104"


def job_with(folder: Path, limits: str) -> Job:
    text = f"source: {{dimse: '{ADDRESS}', limits: {{{limits}}}}}\ndestinations: [{{folder: out}}]\n"
    return job_of(folder, text + "select: {studies: {uids: [1.2.3]}}\n")


def free(folder: Path, limit: int) -> int:
    slots = NodeSlots(folder / "slots", ADDRESS, limit)
    taken = [slot for _ in range(limit) if (slot := slots.try_acquire()) is not None]
    for slot in taken:
        slot.close()
    return len(taken)


@pytest.mark.parametrize(("limit", "most", "left"), [(3, 4, 0), (3, 1, 2), (6, 4, 2), (1, 4, 0)])
def test_planning_counts_against_the_machines_limit(tmp_path: Path, limit: int, most: int, left: int) -> None:
    job = job_with(tmp_path, f"associations: {limit}")

    with open_desk(job, tmp_path / "slots", most) as opened:
        assert free(tmp_path, limit) == left
        assert opened.needs_all == (left == 0)
        opened.rest()
        assert free(tmp_path, limit) == limit
        opened.resume()

    assert free(tmp_path, limit) == limit


@pytest.mark.parametrize(("cache", "kept"), [("0", False), ("10m", True)])
def test_a_job_says_whether_answers_are_remembered(tmp_path: Path, cache: str, *, kept: bool) -> None:
    job = job_with(tmp_path, "associations: 1")
    job = job.model_copy(update={"run": Run.model_validate({"cache": cache})})

    with open_desk(job, tmp_path / "slots", memory=tmp_path / "lookups"):
        assert (tmp_path / "lookups").exists() is kept


def test_planning_waits_for_an_association_until_it_is_stopped(tmp_path: Path) -> None:
    job, stopping = job_with(tmp_path, "associations: 1"), threading.Event()
    stopping.set()

    with (
        NodeSlots(tmp_path / "slots", ADDRESS, 1).hold(),
        pytest.raises(StoppedError),
        open_desk(job, tmp_path / "slots", stopping=stopping),
    ):
        raise AssertionError


def test_planning_goes_on_when_another_job_gives_an_association_back(tmp_path: Path) -> None:
    job = job_with(tmp_path, "associations: 1")
    held = NodeSlots(tmp_path / "slots", ADDRESS, 1).acquire()
    timer = threading.Timer(0.1, held.close)
    timer.start()

    with open_desk(job, tmp_path / "slots") as opened:
        assert opened.desk.names == (ADDRESS,)
    timer.join()


def test_the_answers_that_a_node_gives_at_most_are_known_to_all_who_ask(tmp_path: Path) -> None:
    job = job_with(tmp_path, "associations: 2, max_results: 200")

    with open_desk(job, tmp_path / "slots") as opened:
        assert [place.cap.known for place in opened.desk.first] == [200]


def test_folders_are_read_by_one_and_take_no_association(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()

    with open_desk(job_of(tmp_path), tmp_path / "slots") as opened:
        assert not opened.needs_all
    assert not (tmp_path / "slots").exists()

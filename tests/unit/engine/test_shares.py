from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from adit_cli.engine.seats import Seat, ServerSeats
from adit_cli.engine.shares import limited, most_workers, servers, share
from adit_cli.engine.worker import RunOne
from adit_cli.jobfile.job import Job
from adit_cli.jobfile.load import load_job
from adit_cli.jobfile.node import ServerNode
from adit_cli.nodes.limits import NodeSlots

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


@pytest.mark.parametrize(("source", "destination", "expected"), [(4, 8, 4), (8, 3, 3), (1, 1, 1)])
def test_the_strictest_server_says_how_many_workers_there_are(
    tmp_path: Path, source: int, destination: int, expected: int
) -> None:
    assert most_workers(job(tmp_path, source, destination)) == expected


def test_folders_and_servers_out_of_use_limit_nothing(tmp_path: Path) -> None:
    assert most_workers(job(tmp_path, 4, 1, to="out")) == 4


@pytest.mark.parametrize(("workers", "expected"), [(1, 8), (2, 4), (3, 2), (16, 1)])
def test_workers_share_what_a_server_allows(tmp_path: Path, workers: int, expected: int) -> None:
    assert share(servers(job(tmp_path, 8, 8))["clinical"], workers) == expected


def test_what_is_granted_limits_the_nodes_of_a_worker(tmp_path: Path) -> None:
    one = job(tmp_path, 8, 8)

    nodes = limited(one, {"clinical": 3})

    assert isinstance(nodes["clinical"], ServerNode)
    assert nodes["clinical"].limits.associations == 3
    assert (nodes["research"], nodes["out"]) == (one.node("research"), one.node("out"))


@dataclass(frozen=True)
class Granted:
    """A setup that only knows what was granted."""

    associations: dict[str, int]

    @contextmanager
    def __call__(self) -> Generator[RunOne]:
        raise NotImplementedError
        yield


def seats(one: Job, workers: int, slots: Path) -> ServerSeats:
    return ServerSeats(one, workers, slots, Granted)


def granted(seat: Seat | None) -> dict[str, int]:
    assert seat is not None
    assert isinstance(seat.setup, Granted)
    return seat.setup.associations


def test_the_workers_of_all_jobs_together_keep_the_limit(tmp_path: Path) -> None:
    here, there = (seats(job(tmp_path, 4, 9), 2, tmp_path) for _ in range(2))

    one, two, three = here(), there(), here()

    assert granted(one) == granted(two) == {"clinical": 2, "research": 4}
    assert three is None
    assert two is not None
    two.close()
    assert granted(here()) == {"clinical": 2, "research": 4}


def test_a_worker_gets_less_than_its_share_rather_than_none(tmp_path: Path) -> None:
    one = job(tmp_path, 4, 4)
    held = [NodeSlots(tmp_path, "CLINICAL@pacs:104", 4).acquire() for _ in range(3)]

    assert granted(seats(one, 1, tmp_path)()) == {"clinical": 1, "research": 4}
    assert len(held) == 3


def test_who_gets_no_slot_of_one_server_holds_none_of_another_and_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = job(tmp_path, 1, 1)
    seating = seats(one, 1, tmp_path)

    with NodeSlots(tmp_path, "RESEARCH@pacs:105", 1).hold():
        assert seating() is None
        assert seating() is None
        assert NodeSlots(tmp_path, "CLINICAL@pacs:104", 1).try_acquire() is not None

    assert [record.getMessage() for record in caplog.records] == [
        "All associations that the limit of RESEARCH@pacs:105 allows are in use: waiting"
    ]

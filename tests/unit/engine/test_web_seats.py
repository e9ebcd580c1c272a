"""Limits of DICOMweb nodes hold among all jobs of the machine, as those of DIMSE nodes do."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from adit_cli.engine.seats import ServerSeats
from adit_cli.engine.worker import RunOne
from adit_cli.jobfile.load import load_job

JOB = """\
adit: 1
name: {name}
nodes:
  web: {{dicomweb: "https://pacs.example.org/rs", limits: {{associations: {limit}}}}}
  out: {{folder: out}}
source: web
destinations: [out]
select: {{studies: {{uids: ["1.2.3"]}}}}
"""


class Granted:
    """A worker's setup that only remembers what it was granted."""

    def __init__(self, granted: Mapping[str, int]) -> None:
        self.granted = dict(granted)

    @contextmanager
    def __call__(self) -> Generator[RunOne]:
        raise AssertionError
        yield


def seats(tmp_path: Path, name: str, *, limit: int, workers: int = 1) -> ServerSeats:
    path = tmp_path / f"{name}.yaml"
    path.write_text(JOB.format(name=name, limit=limit))
    return ServerSeats(load_job(path), workers, tmp_path / "slots", Granted)


@pytest.mark.parametrize(("limit", "workers", "granted"), [(4, 1, 4), (4, 2, 2), (1, 1, 1)])
def test_a_worker_gets_its_share_of_a_services_connections(
    tmp_path: Path, limit: int, workers: int, granted: int
) -> None:
    seat = seats(tmp_path, "one", limit=limit, workers=workers)()

    assert seat is not None
    assert isinstance(seat.setup, Granted)
    assert seat.setup.granted == {"web": granted}
    seat.close()


def test_another_job_waits_for_a_service_that_is_in_use(tmp_path: Path) -> None:
    first = seats(tmp_path, "one", limit=1)()

    other = seats(tmp_path, "other", limit=1)
    assert first is not None
    assert other() is None
    first.close()
    then = other()

    assert then is not None
    then.close()

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from adit_cli.nodes.quota import HOUR, Quota, seconds_for, spread

NODE = "PACS@pacs:104"


def taken(quota: Quota, begin: float, seconds: float) -> list[float]:
    """Return when studies begin of somebody who always takes what there is."""
    times: list[float] = []
    now = begin
    while now < begin + seconds:
        if quota.take(now):
            times.append(now)
        now = max(now, quota.ready_at(now))
    return times


@pytest.mark.parametrize("per_hour", [1, 7, 60, 61, 300, 1000])
def test_no_hour_has_more_studies_than_the_limit_wherever_it_begins(tmp_path: Path, per_hour: int) -> None:
    times = taken(Quota(tmp_path, NODE, per_hour), 1e9, 3 * HOUR)

    most = max(sum(begin <= one < begin + HOUR for one in times) for begin in times)

    assert most == per_hour


def test_studies_are_spread_over_the_hour(tmp_path: Path) -> None:
    times = taken(Quota(tmp_path, NODE, 10), 1e9, HOUR)

    assert [round(time - 1e9) for time in times] == [360 * number for number in range(10)]


def test_a_minutes_worth_can_be_made_up_for_after_a_quiet_time(tmp_path: Path) -> None:
    quota = Quota(tmp_path, NODE, 300)
    taken(quota, 1e9, HOUR)

    later = taken(quota, 1e9 + 2 * HOUR, 12.0)

    assert later == [1e9 + 2 * HOUR] * 5


def test_all_jobs_of_the_machine_share_one_count_and_nodes_do_not(tmp_path: Path) -> None:
    assert Quota(tmp_path, NODE, 10).take(1e9)

    assert not Quota(tmp_path, NODE, 10).take(1e9 + 1)
    assert Quota(tmp_path, NODE, 10).ready_at(1e9 + 1) == pytest.approx(1e9 + 360, abs=0.01)
    assert Quota(tmp_path, "OTHER@pacs:104", 10).take(1e9 + 1)


def test_what_is_refused_is_not_counted_and_what_is_given_back_is_free(tmp_path: Path) -> None:
    quota = Quota(tmp_path, NODE, 10)
    quota.take(1e9)
    quota.take(1e9 + 1)

    assert quota.ready_at(1e9 + 1) > 1e9 + 359
    quota.give_back()
    assert quota.take(1e9 + 1)


def test_a_clock_that_is_set_back_makes_nobody_wait_longer_than_for_one_study(tmp_path: Path) -> None:
    quota = Quota(tmp_path, NODE, 10)
    quota.take(1e9)

    assert quota.ready_at(5e8) == pytest.approx(5e8 + 360, abs=0.01)


def test_a_count_that_cannot_be_read_is_begun_anew(tmp_path: Path) -> None:
    quota = Quota(tmp_path, NODE, 10)
    quota.take(1e9)
    (file,) = tmp_path.glob("*/studies")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    file.write_bytes(b"\x00")

    assert quota.take(1e9 + 1)


def test_how_long_many_studies_take_is_what_it_is_held_to(tmp_path: Path) -> None:
    times = taken(Quota(tmp_path, NODE, 120), 1e9, 2 * HOUR)

    assert times[99] - times[0] == pytest.approx(seconds_for(100, 120))
    assert seconds_for(1, 1) == 0
    assert spread(1) == (1, pytest.approx(HOUR))


def test_those_who_take_at_the_same_moment_never_take_more_than_there_is(tmp_path: Path) -> None:
    def take_many(_taker: int) -> int:
        quota = Quota(tmp_path, NODE, 6000)
        return sum(quota.take(1e9) for _ in range(200))

    with ThreadPoolExecutor(8) as pool:
        granted = list(pool.map(take_many, range(8)))

    assert sum(granted) == 100

"""Which series studies have is asked once in a while, and each time where the user wants it so."""

from __future__ import annotations

import pytest

from tests.support.builders import BuiltStudy
from tests.support.commandline import CommandLine
from tests.support.quirky import QuirkyPacs

JOB = """\
adit: 1
name: series
source: {{dimse: {address}}}
destinations: [{{folder: out}}]
select: {{studies: {{uids: [{uid}]}}, series: {{include: [{{modality: CT}}]}}}}
run: {{{run}}}
"""


@pytest.mark.parametrize(
    ("run", "options", "finds"),
    [("", [], 1), ("cache: 2h", [], 1), ("cache: 0", [], 2), ("", ["--no-cache"], 2)],
)
def test_a_second_plan_asks_for_series_again_only_if_it_is_to(
    adit: CommandLine, thorax: BuiltStudy, run: str, options: list[str], finds: int
) -> None:
    with QuirkyPacs(thorax.folder) as pacs:
        (adit.folder / "job.yaml").write_text(JOB.format(address=pacs.address, uid=thorax.uid, run=run))
        plans = [adit.run("plan", "job.yaml", *options) for _ in range(2)]

    assert [ended.code for ended in plans] == [0, 0], plans[0].err
    assert pacs.levels().count("SERIES") == finds


@pytest.mark.parametrize("cache", ["never", "-1", "yes", "400d"])
def test_a_time_that_is_none_is_told_with_its_place(adit: CommandLine, cache: str) -> None:
    (adit.folder / "job.yaml").write_text(
        JOB.format(address="PACS@127.0.0.1:104", uid="1.2", run=f"cache: {cache}")
    )

    ended = adit.run("check", "job.yaml")

    assert ended.code == 2
    assert "job.yaml:6:14: run.cache: " in ended.err

"""A run that is killed or cut off at any moment ends, resumed, as if nothing had happened."""

from __future__ import annotations

import random
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.builders import build_studies, file_tree
from tests.support.link import breaking
from tests.support.peers import LOOPBACK, Orthanc, storage_peer
from tests.support.program import KEY, Adit, write_job

pytestmark = pytest.mark.peers

PSEUDONYMS = f'key: "{KEY}"\npseudonyms: {{from: key}}\nrun: {{workers: 2, attempts: 3, retry_after: 0}}'
KILLS = 10


def job_into(folder: Path, pacs: Orthanc, uids: list[str]) -> Path:
    studies = "{uids: [" + ", ".join(uids) + "]}"
    return write_job(folder / "job.yaml", pacs.address, [str(folder / "out")], studies, PSEUDONYMS)


@pytest.mark.timeout(600)
def test_killed_at_ten_random_moments_the_folder_is_that_of_an_undisturbed_run(
    pacs: Orthanc, tmp_path: Path
) -> None:
    studies = build_studies(tmp_path / "made", 12, modalities=("CT", "MR"), instances=8, size=64)
    for study in studies:
        pacs.upload(study.files)
    uids = [study.uid for study in studies]
    begun = time.monotonic()
    undisturbed = Adit(tmp_path / "a")("transfer", job_into(tmp_path / "a", pacs, uids), "--progress", "none")
    whole, expected = time.monotonic() - begun, file_tree(tmp_path / "a" / "out")
    assert (undisturbed.code, len(expected)) == (0, 12 * 16), undisturbed.err

    moments, killed, runs = random.Random(whole), 0, 0  # noqa: S311  # moments, not secrets
    while killed < KILLS:
        runs += 1
        folder = tmp_path / f"b{runs}"
        killed += disturbed(folder, job_into(folder, pacs, uids), moments, whole, KILLS - killed)
        assert file_tree(folder / "out") == expected


def disturbed(folder: Path, job: Path, moments: random.Random, whole: float, kills: int) -> int:
    """Kill a run again and again until it ends or was killed often enough; return how often it was."""
    adit, killed = Adit(folder), 0
    while killed < kills:
        process = adit.start("transfer", job, "--progress", "none")
        try:
            process.communicate(timeout=moments.uniform(0.3, 1) * whole)
        except subprocess.TimeoutExpired:
            adit.kill(process)
            killed += 1
        else:
            break
    ended = adit("transfer", job, "--progress", "none")
    assert ended.code == 0, ended.err
    return killed


def test_a_source_that_breaks_off_in_the_middle_is_asked_again_for_what_is_missing(
    pacs: Orthanc, tmp_path: Path
) -> None:
    (study,) = build_studies(tmp_path / "made", 1, instances=20, size=128)
    pacs.upload(study.files)

    with breaking(pacs.port, *[200_000] * 3) as link:
        source = f"{pacs.ae_title}@{LOOPBACK}:{link.port}"
        job = write_job(
            tmp_path / "job.yaml", source, [str(tmp_path / "out")], f"{{uids: [{study.uid}]}}", PSEUDONYMS
        )
        ended = Adit(tmp_path / "adit")("transfer", job)

    assert link.cut >= 1
    assert (ended.code, len(file_tree(tmp_path / "out"))) == (0, 20), ended.err


def test_a_destination_that_breaks_off_in_the_middle_gets_the_rest_in_the_next_attempt(
    pacs: Orthanc, tmp_path: Path
) -> None:
    (study,) = build_studies(tmp_path / "made", 1, instances=12, size=64)
    pacs.upload(study.files)

    with storage_peer() as target, breaking(target.port, 1200) as link:
        node = f"{target.ae_title}@{LOOPBACK}:{link.port}"
        job = write_job(tmp_path / "job.yaml", pacs.address, [node], f"{{uids: [{study.uid}]}}", PSEUDONYMS)
        ended = Adit(tmp_path / "adit")("transfer", job)

    assert link.cut == 1
    assert (ended.code, len(target.received)) == (0, 12), ended.err


def test_ctrl_c_stops_resumably(pacs: Orthanc, tmp_path: Path) -> None:
    studies = build_studies(tmp_path / "made", 6, instances=10, size=128)
    for study in studies:
        pacs.upload(study.files)
    adit, job = Adit(tmp_path / "a"), job_into(tmp_path / "a", pacs, [study.uid for study in studies])

    process = adit.start("transfer", job, "--progress", "json")
    assert process.stdout is not None
    assert any("task-started" in line for line in process.stdout)
    process.send_signal(2)
    process.communicate(timeout=60)
    resumed = adit("transfer", job)

    assert process.returncode == 130
    assert (resumed.code, len(file_tree(tmp_path / "a" / "out"))) == (0, 60), resumed.err

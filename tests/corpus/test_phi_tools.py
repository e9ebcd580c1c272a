"""The corpus with people planted by others, whose tool also judges what left; needs ADIT_TEST_PHI_TOOLS."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.support.orthanc import Orthanc, orthanc
from tests.support.process import PeerError
from tests.support.program import KEY, Adit, write_job

pytestmark = pytest.mark.timeout(1200)  # the checker looks for each of twenty thousand values in each file

CORPUS = Path(os.environ.get("ADIT_TEST_CORPUS", ".")).resolve()
TOOLS = Path(os.environ.get("ADIT_TEST_PHI_TOOLS", ".")).resolve()
OPTIONS = (
    *("clean-descriptors", "clean-graphics", "clean-structured-content", "retain-safe-private"),
    "retain-longitudinal-modified-dates",
)
LET_OUT = "deidentify: {modalities: {exclude: []}, burned_in: allow}"


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the planted files; what was planted is in `answers.json` beside it."""
    folder = tmp_path_factory.mktemp("planter") / "planted"
    answers = folder.with_name("answers.json")
    options = ["--seed", "11", "--answers", str(answers), "--deflate-every", "5"]
    program = [sys.executable, str(TOOLS / "plant_phi.py"), str(CORPUS), str(folder), *options]
    subprocess.run(program, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory, planted: Path) -> Generator[Orthanc]:
    """An Orthanc with what it takes of the planted files."""
    with orthanc(tmp_path_factory.mktemp("loaded")) as server:
        refused = 0
        for path in sorted(planted.rglob("*.dcm")):
            try:
                server.upload([path])
            except PeerError:
                refused += 1
        assert refused < len(server.instances()) // 4
        yield server


def judged(folder: Path, planted: Path, *, files: int, allow: str = "uid") -> str:
    """Return what the checker says of a folder; logs and reports may hold UIDs."""
    answers = planted.with_name("answers.json")
    program = [sys.executable, str(TOOLS / "check_phi.py"), str(folder), str(answers)]
    said = subprocess.run(
        [*program, "--need-files", str(files), "--allow", allow], check=False, capture_output=True
    )
    return said.stdout.decode().splitlines()[-1] if said.stdout else said.stderr.decode()


@pytest.mark.parametrize("more", [LET_OUT, f"{LET_OUT[:-1]}, options: [{', '.join(OPTIONS)}]}}"])
def test_nothing_that_others_planted_leaves_by_deid(tmp_path: Path, planted: Path, more: str) -> None:
    job = write_job(tmp_path / "job.yaml", "in", ["out"], "{uids: ['1.2']}", f'key: "{KEY}"\n{more}')

    ended = Adit(tmp_path / "adit")("deid", planted, "-o", tmp_path / "clean", "--job", job)

    assert ended.code in {0, 3}, ended.err
    assert (
        judged(tmp_path / "clean", planted, files=100, allow="date" if "modified" in more else "") == "CLEAN"
    )


def test_nothing_that_others_planted_leaves_by_transfer(
    tmp_path: Path, planted: Path, loaded: Orthanc
) -> None:
    uids = "{uids: [" + ", ".join(uid for uid in loaded.studies() if uid.replace(".", "").isdigit()) + "]}"
    adit = Adit(tmp_path / "adit")
    left = tmp_path / "left"
    with orthanc(tmp_path / "research", ae_title="RESEARCH") as research:
        places = [research.address, str(left / "folder")]
        more = f'key: "{KEY}"\npseudonyms: {{from: key}}\nrun: {{workers: 2, attempts: 1}}'
        job = write_job(tmp_path / "job.yaml", loaded.address, places, uids, more)
        ended = adit("-v", "transfer", job, "--progress", "none")
        for uid, data in research.files().items():
            (left / f"{uid}.dcm").write_bytes(data)
    said = tmp_path / "said"
    said.mkdir()
    (said / "said.txt").write_text(ended.out + ended.err + adit("status", job, "--failed").out)

    assert ended.code == 3, ended.err
    assert judged(left, planted, files=50, allow="") == "CLEAN"
    assert judged(said, planted, files=1) == "CLEAN"

"""`adit deid`, killed: nothing of it lives on, nothing is lost, and the same again does what is left."""

from __future__ import annotations

import csv
import threading
from pathlib import Path

from tests.support.builders import build_studies
from tests.support.program import Adit


def results(folder: Path) -> list[Path]:
    return list(folder.rglob("*.dcm"))


def test_after_a_kill_no_process_is_left_and_the_next_run_completes_files_and_evidence(
    tmp_path: Path,
) -> None:
    studies = build_studies(tmp_path / "images", 10, instances=30)
    adit, out = Adit(tmp_path / "adit"), tmp_path / "clean"
    command = ("deid", tmp_path / "images", "-o", out, "--evidence", tmp_path / "notes")
    process = adit.start(*command)
    begun = threading.Event()
    while not results(out) and process.poll() is None:
        begun.wait(0.01)

    adit.kill(process)
    ended = adit(*command)

    with (tmp_path / "notes" / "uid_mapping.csv").open(newline="") as file:
        uids = {row["id_old"]: row["id_new"] for row in csv.DictReader(file)}
    assert ended.code == 0, ended.err
    assert len(results(out)) == 300
    assert {uids[uid] for study in studies for uid in study.instance_uids} == {p.stem for p in results(out)}

"""Runs that are killed, stopped and started twice, as whole programs."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adit_cli.engine.folders import JobFolder, StateFolder
from adit_cli.engine.report import open_reader
from adit_cli.errors import Reason
from adit_cli.tasks.task import TaskStatus
from tests.support.engine_tasks import tries

ROOT = Path(__file__).parents[3]


@contextmanager
def program(folder: Path, number: int, deed: str) -> Generator[subprocess.Popen[str]]:
    """Run a job in a process of its own. What it prints ends when it and all its workers have ended."""
    command = [sys.executable, "-m", "tests.support.engine_program", str(folder), str(number), deed]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def rest(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout is not None
    return process.stdout.read().splitlines()


def job(folder: Path) -> JobFolder:
    return StateFolder(folder / "state").job("made-up")


def test_a_killed_run_takes_its_workers_along_and_leaves_its_task_in_line(tmp_path: Path) -> None:
    with program(tmp_path, 1, "hang") as process:
        assert line(process) == "working 000"
        process.kill()
        rest(process)  # ends with the worker, which hangs and has nobody else to end it

    with program(tmp_path, 1, "succeed") as process:
        assert rest(process) == ["ended 000 success"]
        assert process.wait() == 0

    with open_reader(job(tmp_path)) as reader:
        first, second = reader.attempts("000")
    assert first.outcome is not None
    assert first.outcome.reason is Reason.INTERRUPTED
    assert second.outcome is not None


def test_a_run_that_is_killed_again_and_again_repeats_no_task_that_was_told_as_ended(tmp_path: Path) -> None:
    number, told = 40, dict[str, int]()
    for wanted in (1, 5, 15):
        with program(tmp_path, number, "succeed") as process:
            lines = [line(process).split() for _ in range(wanted)]
            keys = [words[1] for words in lines if words]  # all may be done before the kill
            told |= {key: tries(job(tmp_path).path, key) for key in keys}
            process.kill()
            rest(process)
    with program(tmp_path, number, "succeed") as process:
        rest(process)
        assert process.wait() == 0

    with open_reader(job(tmp_path)) as reader:
        assert reader.summary().counts == {TaskStatus.SUCCESS: number}
        assert reader.summary().runs == 4
    assert told
    assert {key: tries(job(tmp_path).path, key) for key in told} == told


def test_a_second_run_of_the_same_job_is_refused_while_the_first_lives(tmp_path: Path) -> None:
    with program(tmp_path, 1, "hang") as first:
        assert line(first) == "working 000"
        with program(tmp_path, 1, "succeed") as second:
            assert rest(second) == []
            assert second.wait() == 10
            assert second.stderr is not None
            assert f"process {first.pid}" in second.stderr.read()

        with open_reader(job(tmp_path)) as reader:
            assert reader.summary().pid == first.pid
            assert reader.summary().counts == {TaskStatus.RUNNING: 1}


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 5)])
def test_a_stopped_run_says_so_with_its_exit_code_and_keeps_its_task(
    tmp_path: Path, number: signal.Signals, exit_code: int
) -> None:
    with program(tmp_path, 1, "work_until_stopped") as process:
        assert line(process) == "working 000"
        process.send_signal(number)
        assert rest(process)[-1] == "ended 000 pending"
        assert process.wait() == exit_code

    with open_reader(job(tmp_path)) as reader:
        assert reader.summary().counts == {TaskStatus.PENDING: 1}


def test_ctrl_c_in_a_terminal_reaches_workers_too_and_changes_nothing(tmp_path: Path) -> None:
    with program(tmp_path, 1, "work_until_stopped") as process:
        assert line(process) == "working 000"
        (worker,) = (job(tmp_path).path / "opened").read_text().split()
        subprocess.run(["kill", "-INT", worker, str(process.pid)], check=True)

        assert rest(process)[-1] == "ended 000 pending"
        assert process.wait() == 130
        assert process.stderr is not None
        assert process.stderr.read() == ""

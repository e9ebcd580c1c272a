from __future__ import annotations

import os
from pathlib import Path

import pytest

from adit_cli.engine.folders import JobFolder
from adit_cli.engine.lock import exclusive, holder
from adit_cli.errors import StateError


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    return JobFolder(tmp_path / "lung").create()


def test_a_second_run_is_refused_and_told_who_runs_the_job(folder: JobFolder) -> None:
    with (
        exclusive(folder, "lung"),
        pytest.raises(StateError, match=f"job lung is being run by process {os.getpid()}") as caught,
        exclusive(folder, "lung"),
    ):
        pass

    assert caught.value.exit_code == 10
    assert f"kill {os.getpid()}" in caught.value.hint


def test_the_lock_is_free_again_after_the_run(folder: JobFolder) -> None:
    with exclusive(folder, "lung"):
        pass
    with exclusive(folder, "lung"):
        pass


def test_other_jobs_are_not_locked(folder: JobFolder, tmp_path: Path) -> None:
    with exclusive(folder, "lung"), exclusive(JobFolder(tmp_path / "brain").create(), "brain"):
        pass


def test_the_holder_is_told_without_disturbing_it(folder: JobFolder) -> None:
    assert holder(folder) is None

    with exclusive(folder, "lung"):
        assert holder(folder) == os.getpid()

    assert holder(folder) is None


def test_a_holder_that_did_not_say_its_number_is_another_process(folder: JobFolder) -> None:
    with exclusive(folder, "lung"):
        folder.lock.write_text("")

        assert holder(folder) == 0
        with pytest.raises(StateError, match="another process"), exclusive(folder, "lung"):
            pass

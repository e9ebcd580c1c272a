from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adit_cli.engine.folders import StateFolder, folder_name, state_folder
from adit_cli.errors import StateError


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_the_option_wins_over_the_environment_and_that_over_the_platform(tmp_path: Path) -> None:
    env = {"ADIT_STATE_DIR": str(tmp_path / "env")}

    assert state_folder(tmp_path / "option", env).path == tmp_path / "option"
    assert state_folder(None, env).path == tmp_path / "env"
    assert "adit" in state_folder(None, {}).path.parts


def test_folders_are_for_the_user_alone_even_if_they_were_open_before(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o755)

    state = StateFolder(tmp_path / "state").create()
    job = state.job("lung").create()

    for folder in (state.path, state.slots, job.path, job.spool):
        assert mode(folder) == 0o700


def test_an_unusable_folder_is_a_state_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StateError, match=r"cannot use the state folder .*file") as caught:
        StateFolder(tmp_path / "file" / "state").create()

    assert "--state-dir" in caught.value.hint


def test_jobs_are_those_that_have_a_database(tmp_path: Path) -> None:
    state = StateFolder(tmp_path).create()
    for name in ("b", "a", "never ran"):
        state.job(name).create()
    for name in ("b", "a"):
        state.job(name).database.touch()

    assert [job.path.name for job in state.jobs()] == ["a", "b"]


def test_a_plain_job_name_is_its_folder() -> None:
    assert folder_name("lung-ct_2024.1") == "lung-ct_2024.1"


@given(st.text(min_size=1))
def test_any_job_name_is_one_harmless_path_component(name: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._~-]{0,99}", folder_name(name))


@given(st.text(min_size=1), st.text(min_size=1))
def test_different_jobs_have_different_folders(one: str, other: str) -> None:
    assert (folder_name(one) == folder_name(other)) == (one == other)

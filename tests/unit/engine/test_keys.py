from __future__ import annotations

from pathlib import Path

import pytest

from adit_cli.engine.keys import project_key
from adit_cli.errors import StateError, UsageError


def test_the_jobs_own_key_is_used_and_none_is_kept(tmp_path: Path) -> None:
    assert project_key("correct horse", None, tmp_path / "key") == b"correct horse"
    assert not (tmp_path / "key").exists()


def test_a_key_file_counts_without_the_newline_at_its_end(tmp_path: Path) -> None:
    (tmp_path / "project.key").write_text("correct horse\n")

    assert project_key(None, tmp_path / "project.key", tmp_path / "key") == b"correct horse"


def test_without_a_key_one_is_made_once_and_kept_for_the_user_alone(tmp_path: Path) -> None:
    first = project_key(None, None, tmp_path / "key")
    again = project_key(None, None, tmp_path / "key")

    assert first == again
    assert len(first) == 64
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["key"]


def test_two_jobs_get_two_keys(tmp_path: Path) -> None:
    assert project_key(None, None, tmp_path / "one") != project_key(None, None, tmp_path / "other")


@pytest.mark.parametrize("content", [None, "", "short"])
def test_a_key_file_that_is_missing_or_easy_to_guess_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "project.key").write_text(content)

    with pytest.raises(UsageError, match=r"project\.key"):
        project_key(None, tmp_path / "project.key", tmp_path / "key")


def test_a_kept_key_that_was_emptied_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "key").touch()

    with pytest.raises(StateError, match="is empty"):
        project_key(None, None, tmp_path / "key")


def test_a_kept_key_that_cannot_be_read_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "key").mkdir()

    with pytest.raises(StateError, match="cannot read the job's key"):
        project_key(None, None, tmp_path / "key")

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from adit_cli.jobfile.node import FolderNode
from tests.support.jobfiles import job_text, problems


def test_a_format_alone_is_enough() -> None:
    node = FolderNode.model_validate({"folder": "out", "archive": "zip"})

    assert node.archive is not None
    assert (node.archive.format, node.archive.per, node.archive.password) == ("zip", "study", None)


@pytest.mark.parametrize(
    "archive",
    ["rar", {"format": "tar"}, {"format": "zip", "per": "series"}, {"format": "zip", "name": "x"}, {}],
)
def test_what_is_not_known_is_an_error(archive: object) -> None:
    with pytest.raises(ValidationError):
        FolderNode.model_validate({"folder": "out", "archive": archive})


@pytest.mark.parametrize(
    ("archive", "says"),
    [
        ('{format: 7z, password: "hunter\\n2"}', "visible characters"),
        ('{format: 7z, password: ""}', "visible characters"),
        ('{format: zip, password: "hunterß2"}', "plain ASCII"),
    ],
)
def test_a_password_that_cannot_be_typed_is_refused_and_not_shown(
    tmp_path: Path, archive: str, says: str
) -> None:
    (told,) = problems(tmp_path, job_text(destinations=f"[{{folder: out, archive: {archive}}}]"))

    assert says in told
    assert "hunter" not in told


def test_a_password_is_never_shown() -> None:
    node = FolderNode.model_validate({"folder": "out", "archive": {"format": "7z", "password": "hunter2"}})

    assert "hunter2" not in f"{node!r}{node.model_dump_json()}"

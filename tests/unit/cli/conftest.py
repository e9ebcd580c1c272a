"""The machine on which the commands of these tests run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.builders import BuiltStudy, build_study
from tests.support.commandline import CommandLine


@pytest.fixture
def adit(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """Adit on a machine of its own, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ADIT_CONFIG", raising=False)
    return CommandLine(tmp_path, capsys)


@pytest.fixture
def thorax(tmp_path: Path) -> BuiltStudy:
    """A study of a CT and an MR series in the folder `images`."""
    return build_study(tmp_path / "images", modalities=("CT", "MR"), patient_id="P1")

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.builders import build_study
from tests.support.program import Adit


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_name_that_the_terminal_has_no_letters_for_is_shown_by_escapes(
    tmp_path: Path, encoding: str
) -> None:
    build_study(tmp_path / "images", PatientName="Yamada^Taro=山田^太郎", SpecificCharacterSet="ISO_IR 192")

    shown = Adit(tmp_path, {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"})("query", "images/", "-f", "csv")

    assert (shown.code, shown.err) == (0, "")
    assert r"Yamada^Taro=\u5c71\u7530^\u592a\u90ce" in shown.out


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_command_works_with_streams_that_are_closed(tmp_path: Path, closed: str) -> None:
    study = build_study(tmp_path / "images")
    command = [sys.executable, "-m", "adit_cli", "--state-dir", str(tmp_path / "state")]

    for arguments in (["query", "images/"], ["get", "images/", study.uid, "-", "-o", "out"]):
        line = f"{shlex.join([*command, *arguments])} {closed}"
        done = subprocess.run(
            ["/bin/sh", "-c", line], cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr

    assert len(list((tmp_path / "out").rglob("*.dcm"))) == len(study.files)


@pytest.mark.parametrize(
    ("arguments", "code"), [(["get", "images/", "1.2.3", "-o", "out"], 3), (["query", "nothing/here/"], 6)]
)
def test_a_command_ends_as_it_would_where_nobody_reads_its_messages(
    tmp_path: Path, arguments: list[str], code: int
) -> None:
    build_study(tmp_path / "images")
    reader, writer = os.pipe()
    os.close(reader)

    command = [sys.executable, "-m", "adit_cli", "--state-dir", str(tmp_path / "state"), *arguments]
    done = subprocess.run(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=writer, check=False)
    os.close(writer)

    assert done.returncode == code

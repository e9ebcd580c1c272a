"""Archives that the 7-Zip program makes for a folder destination."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from adit_cli.errors import NodeError, Reason
from adit_cli.nodes import sevenzip
from adit_cli.nodes.aside import STAGING
from tests.support.archive_delivery import content, deliver, packed_as
from tests.support.builders import BuiltStudy, build_study

pytestmark = pytest.mark.peers
SECRET = "väry s3cret $x"  # noqa: S105  made up, and meant to be hard to pass on
PLAIN = "s3cret $x"
ENCRYPTED = [{"format": "7z", "password": SECRET}, {"format": "zip", "password": PLAIN}]


@pytest.fixture
def study(tmp_path: Path) -> BuiltStudy:
    return build_study(tmp_path / "in", patient_id="P1", instances=3)


def data(study: BuiltStudy) -> list[bytes]:
    return sorted(path.read_bytes() for path in study.files)


def test_a_7z_archive_without_a_password_has_the_layout(tmp_path: Path, study: BuiltStudy) -> None:
    deliver(tmp_path / "out", study.files, packed_as({"format": "7z"}))

    found = content(tmp_path / "out" / f"{study.uid}.7z")
    assert sorted(found.values()) == data(study)
    assert found.keys() == {f"P1/{study.uid}/{uid}.dcm" for uid in study.instance_uids}


@pytest.mark.parametrize("written", ENCRYPTED)
def test_an_encrypted_archive_shows_nothing_and_opens_with_the_password(
    tmp_path: Path, study: BuiltStudy, written: dict[str, str]
) -> None:
    deliver(tmp_path / "out", study.files, packed_as(written))

    (path,) = (tmp_path / "out").iterdir()
    seen = subprocess.run(["7zz", "l", "-slt", path], capture_output=True, check=False, input=b"").stdout
    assert b"P1" not in seen
    assert not any(uid.encode() in path.read_bytes() for uid in study.instance_uids)
    assert sorted(content(path, written["password"]).values()) == data(study)
    tested = subprocess.run(
        ["7zz", "t", path], capture_output=True, check=False, input=f"{written['password']}\n".encode()
    )
    assert tested.returncode == 0


@pytest.mark.parametrize("written", ENCRYPTED)
def test_an_encrypted_archive_is_left_alone_or_added_to(
    tmp_path: Path, study: BuiltStudy, written: dict[str, str]
) -> None:
    deliver(tmp_path / "out", study.files[:2], packed_as(written))
    (path,) = (tmp_path / "out").iterdir()
    before = path.read_bytes()

    again = deliver(tmp_path / "out", study.files[:2], packed_as(written))
    same = path.read_bytes() == before
    more = deliver(tmp_path / "out", study.files, packed_as(written))

    assert same
    assert [one.accepted for one in again + more] == [True] * 5
    assert sorted(content(path, written["password"]).values()) == data(study)


@pytest.mark.parametrize("written", ENCRYPTED)
def test_an_archive_under_another_password_is_left_alone(
    tmp_path: Path, study: BuiltStudy, written: dict[str, str]
) -> None:
    deliver(tmp_path / "out", study.files, packed_as(written))
    (path,) = (tmp_path / "out").iterdir()
    before = path.read_bytes()

    told = deliver(tmp_path / "out", study.files, packed_as({**written, "password": "another"}))

    assert {one.reason for one in told} == {Reason.MISMATCH}
    assert path.read_bytes() == before


@pytest.mark.parametrize("written", ENCRYPTED)
def test_nothing_is_added_to_an_archive_that_is_not_encrypted(
    tmp_path: Path, study: BuiltStudy, written: dict[str, str]
) -> None:
    deliver(tmp_path / "out", study.files[:1], packed_as({"format": written["format"]}))
    (path,) = (tmp_path / "out").iterdir()
    before = path.read_bytes()

    told = deliver(tmp_path / "out", study.files, packed_as(written))

    assert {one.reason for one in told} == {Reason.MISMATCH}
    assert all("is not encrypted with this password" in one.message for one in told)
    assert path.read_bytes() == before


def test_no_argument_of_a_program_names_the_patient_or_the_password(
    tmp_path: Path, study: BuiltStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    spy = tmp_path / "7zz"
    spy.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/seen\nenv >> {tmp_path}/seen\nexec 7zz "$@"\n')
    spy.chmod(0o700)
    monkeypatch.setenv(sevenzip.VARIABLE, str(spy))
    archive = packed_as({"format": "7z", "password": SECRET, "per": "patient"})

    deliver(tmp_path / "out", study.files[:1], archive)
    deliver(tmp_path / "out", study.files, archive)

    seen = (tmp_path / "seen").read_text("utf-8")
    assert (tmp_path / "out" / "P1.7z").exists()
    assert seen.count(" a -bd") + seen.count("a -bd") >= 2
    assert "P1" not in seen
    assert "s3cret" not in seen


def test_a_program_that_fails_leaves_nothing_behind(
    tmp_path: Path, study: BuiltStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(sevenzip.VARIABLE, "/bin/false")

    with pytest.raises(NodeError, match="exit code 1"):
        deliver(tmp_path / "out", study.files, packed_as({"format": "7z"}))

    assert [path.name for path in (tmp_path / "out").iterdir()] == [STAGING]

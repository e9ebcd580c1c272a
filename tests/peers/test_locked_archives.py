"""Archives with a password as sources: our own, and those of others, by a job and by commands."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from adit_cli.errors import DataError
from adit_cli.nodes import sevenzip
from adit_cli.nodes.measure import LockedError
from tests.support.archive_delivery import content as content_of
from tests.support.builders import BuiltStudy, build_study, file_tree
from tests.support.commandline import CommandLine
from tests.support.packing import pack, pack_with_7zz
from tests.support.program import Ended

pytestmark = pytest.mark.peers
SECRET = "s3cret $x"  # noqa: S105  made up
KINDS = {
    "aes.zip": ("-tzip", "-mem=AES256"),
    "old.zip": ("-tzip", "-mem=ZipCrypto"),
    "names.7z": (),
    "hidden.7z": ("-mhe=on",),
}
NOT_OURS = "s3cret"


@pytest.fixture
def study(tmp_path: Path) -> BuiltStudy:
    return build_study(tmp_path / "made" / "study", patient_id="P1", modalities=("CT", "MR"), instances=2)


@pytest.fixture
def adit(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ADIT_ARCHIVE_PASSWORD", SECRET)
    return CommandLine(tmp_path, capsys)


@pytest.fixture(params=KINDS)
def locked(request: pytest.FixtureRequest, tmp_path: Path, study: BuiltStudy) -> Path:
    """An archive of the study, encrypted in each way there is, in a folder of its own."""
    name = str(request.param)
    return pack_with_7zz(tmp_path / "in" / name, study.folder, *KINDS[name], password=SECRET)


def data(study: BuiltStudy) -> list[bytes]:
    return sorted(path.read_bytes() for path in study.files)


def images(folder: Path) -> list[bytes]:
    return sorted(file_tree(folder).values())


def write_job(path: Path, source: str, destination: str, select: str) -> None:
    text = f"adit: 1\nname: {path.stem}\nsource: {source}\ndestinations: [{destination}]\n"
    path.write_text(f"{text}select: {{studies: {{{select}}}}}\n", "utf-8")


def no_secret_in(folder: Path, *ended: Ended) -> bool:
    said = "".join(one.out + one.err for one in ended)
    kept = b"".join(file_tree(folder).values())
    return NOT_OURS not in said and NOT_OURS.encode() not in kept


@pytest.mark.parametrize("form", ["7z", "zip"])
def test_what_one_job_has_encrypted_another_reads_back_as_it_was(
    adit: CommandLine, study: BuiltStudy, form: str
) -> None:
    named = 'password: "${ADIT_ARCHIVE_PASSWORD}"'
    packed = f"{{folder: packed, archive: {{format: {form}, {named}}}}}"
    write_job(adit.folder / "there.yaml", "{folder: made}", packed, f"uids: [{study.uid}]")
    back = f"{{folder: packed, archive: {{{named}}}}}"
    write_job(adit.folder / "back.yaml", back, "{folder: out}", f"uids: [{study.uid}]")

    ended = [adit.run("transfer", name, "--progress", "none") for name in ("there.yaml", "back.yaml")]

    assert [one.code for one in ended] == [0, 0], ended[1].err
    assert images(adit.folder / "out") == data(study)
    assert no_secret_in(adit.folder / "state", *ended)


def test_a_job_with_another_password_names_the_archive_and_ends_with_6(
    adit: CommandLine, locked: Path, study: BuiltStudy
) -> None:
    source = f"{{folder: in, archive: {{password: not {SECRET}}}}}"
    write_job(adit.folder / "job.yaml", source, "{folder: out}", f"uids: [{study.uid}]")

    ended = adit.run("transfer", "job.yaml", "--progress", "none")

    assert ended.code == 6
    assert f"{locked.name} (was made with another password)" in ended.err
    assert no_secret_in(adit.folder / "state", ended)


def test_commands_open_it_with_the_password_of_the_environment(
    adit: CommandLine, locked: Path, study: BuiltStudy
) -> None:
    found = adit.run("query", "in/", "--format", "uid")
    fetched = adit.run("get", f"./in/{locked.name}", study.uid, "-o", "got")
    sent = adit.run("send", "out/", locked)
    cleaned = adit.run("deid", locked, "-o", "clean")

    assert [one.code for one in (found, fetched, sent, cleaned)] == [0, 0, 0, 0]
    assert found.out.split() == [study.uid]
    assert images(adit.folder / "got") == images(adit.folder / "out") == data(study)
    assert len(images(adit.folder / "clean")) == len(study.files)
    assert no_secret_in(adit.folder / "state", found, fetched, sent, cleaned)


@pytest.mark.parametrize(
    ("password", "said"), [("", "is encrypted"), ("an0ther", "was made with another password")]
)
def test_without_the_password_it_is_named_with_what_to_do(
    adit: CommandLine, locked: Path, monkeypatch: pytest.MonkeyPatch, password: str, said: str
) -> None:
    monkeypatch.setenv("ADIT_ARCHIVE_PASSWORD", password)

    asked = adit.run("query", "in/")
    sent = adit.run("send", "out/", locked)
    cleaned = adit.run("deid", locked, "-o", "clean")

    assert (asked.code, sent.code, cleaned.code) == (6, 3, 3)
    for ended in (asked, sent, cleaned):
        assert said in ended.err
        assert locked.name in ended.err
        assert "$ADIT_ARCHIVE_PASSWORD" in ended.err
        assert "an0ther" not in ended.err
    assert file_tree(adit.folder / "out") == file_tree(adit.folder / "clean") == {}


def test_among_others_it_is_noted_and_they_are_read(
    adit: CommandLine, locked: Path, study: BuiltStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack(locked.with_name("plain.zip"), {"0": study.files[0].read_bytes()})
    monkeypatch.setenv("ADIT_ARCHIVE_PASSWORD", "an0ther")

    ended = adit.run("query", "in/", "--format", "uid")

    assert ended.code == 3
    assert ended.out.split() == [study.uid]
    assert "could not open 1 encrypted archive; " in ended.err
    assert f"{locked.name} (was made with another password)" in ended.err


@pytest.mark.parametrize("select", ["query: {{}}", "uids: [{uid}]"])
def test_a_job_that_may_have_missed_what_is_in_it_ends_with_3(
    adit: CommandLine, study: BuiltStudy, select: str
) -> None:
    pack_with_7zz(adit.folder / "in" / "locked.7z", study.folder, password=SECRET)
    pack(adit.folder / "in" / "plain.zip", {"0": study.files[0].read_bytes()})
    write_job(adit.folder / "job.yaml", "{folder: in}", "{folder: out}", select.format(uid=study.uid))

    ended = adit.run("transfer", "job.yaml", "--progress", "none")
    shown = adit.run("status", "job", "--failed")

    assert ended.code == 3, ended.err
    assert len(images(adit.folder / "out")) == 1
    assert "locked.7z (is encrypted)" in shown.out + shown.err


def test_a_password_opens_what_lies_in_an_archive_and_does_not_hinder_what_has_none(
    adit: CommandLine, locked: Path, study: BuiltStudy
) -> None:
    inner = locked.read_bytes()
    locked.unlink()
    pack(locked.with_name("outer.zip"), {f"a/{locked.name}": inner})
    pack(locked.with_name("plain.zip"), {"readme.txt": b"hello"})
    pack_with_7zz(locked.with_name("plain.7z"), study.series[0].files[0].parent)

    ended = adit.run("get", "in/", study.uid, "-o", "out")

    assert ended.code == 0, ended.err
    assert images(adit.folder / "out") == data(study)


def test_an_inner_archive_with_another_password_is_named_and_its_neighbours_are_read(
    adit: CommandLine, locked: Path, study: BuiltStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = locked.read_bytes()
    locked.unlink()
    pack(locked.with_name("outer.zip"), {f"a/{locked.name}": inner, "0": study.files[0].read_bytes()})
    monkeypatch.setenv("ADIT_ARCHIVE_PASSWORD", "an0ther")

    asked = adit.run("query", "in/", "--format", "uid")
    sent = adit.run("send", "out/", "in/outer.zip")

    assert asked.out.split() == [study.uid]
    assert "outer.zip, file 1 (was made with another password)" in asked.err
    assert sent.code == 3
    assert "outer.zip, file 1: rejected: was made with another password" in sent.err
    assert images(adit.folder / "out") == [study.files[0].read_bytes()]


@pytest.fixture
def spied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program, which writes down how it was called."""
    spy = tmp_path / "7zz-spy"
    spy.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/seen\nenv >> {tmp_path}/seen\nexec 7zz "$@"\n')
    spy.chmod(0o700)
    monkeypatch.setenv(sevenzip.VARIABLE, str(spy))
    monkeypatch.setenv("ADIT_ARCHIVE_PASSWORD", SECRET)
    return tmp_path / "seen"


def test_no_program_is_told_the_password_where_others_see_it(
    locked: Path, spied: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    read = content_of(locked, SECRET)
    with pytest.raises(LockedError):
        content_of(locked, "an0ther")

    seen = spied.read_text("utf-8")
    assert len(read) == 4
    assert "x -so" in seen
    assert NOT_OURS not in seen + caplog.text
    assert "an0ther" not in seen + caplog.text


def test_a_damaged_one_is_not_taken_for_another_password(tmp_path: Path, study: BuiltStudy) -> None:
    folder = tmp_path / "to pack"
    folder.mkdir()
    (folder / "password encrypted").write_bytes(study.files[0].read_bytes())
    path = pack_with_7zz(tmp_path / "cut.7z", folder, "-mx0")
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)

    with pytest.raises(DataError, match="damaged") as caught:
        content_of(path, SECRET)

    assert not isinstance(caught.value, LockedError)

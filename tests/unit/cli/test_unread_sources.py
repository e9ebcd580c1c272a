"""What cannot be read in a folder shows in the exit code: no image is lost without a word to a script."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.builders import BuiltStudy, file_tree
from tests.support.commandline import CommandLine
from tests.support.disk import closed_folder
from tests.support.packing import pack

JOB = """
adit: 1
name: copy
source: {{folder: images}}
destinations: [{{folder: out}}]
select: {{studies: {{{select}}}}}
"""


def exit_codes(adit: CommandLine, study: BuiltStudy) -> dict[str, int]:
    """Return how each way out of the folder `images` ends."""
    codes = {
        "query": adit.run("query", "./images", "--format", "uid").code,
        "get": adit.run("get", "./images", study.uid, "-o", "got", "--progress", "none").code,
        "send": adit.run("send", "sent/", "images", "--progress", "none").code,
    }
    for select in ("query: {}", f"uids: [{study.uid}]"):
        (adit.folder / "job.yaml").write_text(JOB.format(select=select), "utf-8")
        codes[select[:4]] = adit.run("transfer", "job.yaml", "--again", "--progress", "none").code
    return codes


def damaged(folder: Path, content: bytes) -> None:
    archive = pack(folder / "a.tar.gz", {"1": content, "2": content[::-1]})
    archive.write_bytes(archive.read_bytes()[:-100])


def cut(folder: Path, content: bytes) -> None:
    (folder / "cut").write_bytes(content[:300])


def gone(folder: Path, _content: bytes) -> None:
    (folder / "gone.dcm").symlink_to("nowhere")


@pytest.mark.parametrize("harm", [damaged, cut, gone])
def test_what_may_hold_images_and_cannot_be_read_ends_every_command_with_3(
    adit: CommandLine, thorax: BuiltStudy, harm: object
) -> None:
    assert callable(harm)
    harm(adit.folder / "images", thorax.files[0].read_bytes())

    codes = exit_codes(adit, thorax)

    assert set(codes.values()) == {3}, codes
    for out in ("got", "sent", "out"):
        images = [one for name, one in file_tree(adit.folder / out).items() if name.endswith(".dcm")]
        assert len(images) == len(thorax.files)


def test_a_folder_that_cannot_be_looked_into_does_so_too(
    adit: CommandLine, thorax: BuiltStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = adit.folder / "images" / "closed"
    closed.mkdir()
    closed_folder(monkeypatch, closed)

    query = adit.run("query", "./images", "--format", "uid")
    sent = adit.run("send", "sent/", "images", "--progress", "none")
    cleaned = adit.run("deid", "images", "-o", "clean")

    assert (query.code, sent.code, cleaned.code) == (3, 3, 3)
    assert query.out.split() == [thorax.uid]
    assert "could not look into 1 folder: closed" in query.err
    for ended in (sent, cleaned):
        assert "images/closed: rejected: is a folder that cannot be looked into" in ended.err


def test_a_folder_that_merely_holds_other_things_is_no_failure(adit: CommandLine, thorax: BuiltStudy) -> None:
    (adit.folder / "images" / "letter.docx").write_bytes(b"PK\x03\x04")
    (adit.folder / "images" / "empty").touch()
    os.mkfifo(adit.folder / "images" / "pipe")
    os.mkfifo(adit.folder / "images" / "pipe.zip")

    codes = exit_codes(adit, thorax)

    assert set(codes.values()) == {0}, codes


def test_a_job_names_some_of_what_it_could_not_read_and_counts_the_rest(
    adit: CommandLine, thorax: BuiltStudy
) -> None:
    for number in range(12):
        (adit.folder / "images" / f"cut-{number:02}\n\udcff").write_bytes(bytes(128) + b"DICM")
    (adit.folder / "job.yaml").write_text(JOB.format(select=f"uids: [{thorax.uid}]"), "utf-8")

    ended = adit.run("transfer", "job.yaml", "--progress", "none")
    status = adit.run("status", "copy", "--failed")
    planned = adit.run("plan", "job.yaml")

    assert (ended.code, planned.code) == (3, 3)
    assert "cut-00\ufffd\ufffd: incomplete: " in status.out + status.err
    assert "2 more in " in status.out + status.err
    assert "11 gaps in what the sources tell: there may be more studies" in planned.err

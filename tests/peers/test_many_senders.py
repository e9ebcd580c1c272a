"""Forty senders at once into one receiver: all on disk, none doubled, memory flat."""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from adit_cli.dicom.files import part10_header, read_file_meta
from tests.support.archive import CT, EXPLICIT, STUDY, ct_instance
from tests.support.peers import LOOPBACK, storescu
from tests.support.program import Adit

pytestmark = pytest.mark.peers

SENDERS, EACH = 40, 50
PIXELS = 32_000
GROWTH = 40 << 10
"""Kilobytes that buffers and threads of all senders may take; what they send is three times as much."""


def made(folder: Path, sender: int) -> list[Path]:
    """Write the files of one sender."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"1.2.3.{sender}.{number}.dcm" for number in range(1, EACH + 1)]
    for path in paths:
        path.write_bytes(part10_header(CT, path.stem, EXPLICIT) + ct_instance(path.stem, PIXELS))
    return paths


def send_at_once(port: int, by_sender: Sequence[list[Path]]) -> None:
    def send(files: list[Path]) -> str:
        return storescu(port, files, ae_title="ADIT")

    with ThreadPoolExecutor(SENDERS) as senders:
        for _ in senders.map(send, by_sender):
            pass


def most_memory(pid: int) -> int:
    """Return the most memory that a process ever had, in kilobytes."""
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])


def test_forty_senders_at_once_lose_nothing_and_double_nothing_in_flat_memory(tmp_path: Path) -> None:
    halves = [
        [made(tmp_path / "made" / str(half), half * SENDERS + sender) for sender in range(SENDERS)]
        for half in range(2)
    ]
    options = ["-o", tmp_path / "in", "--host", LOOPBACK, "--port", "0"]
    with Adit(tmp_path / "adit").start("receive", "-q", "-v", *options) as receiver:
        assert receiver.stderr is not None
        first_line = receiver.stderr.readline()
        found = re.search(r"receives on port (\d+)", first_line)
        assert found is not None, first_line
        before = most_memory(receiver.pid)
        for half in halves:
            send_at_once(int(found[1]), half)
        grown = most_memory(receiver.pid) - before
        receiver.terminate()
        _, told = receiver.communicate(timeout=60)

    sent = {path.stem: path for half in halves for files in half for path in files}
    there = list((tmp_path / "in").rglob("*.dcm"))
    assert receiver.returncode == 0
    assert f"received {len(sent):,} instances" in told
    assert sorted(path.stem for path in there) == sorted(sent)
    for path in there:
        assert path.parent.name == STUDY
        original = sent[path.stem]
        assert (
            path.read_bytes()[read_file_meta(path).dataset_offset :]
            == (original.read_bytes()[read_file_meta(original).dataset_offset :])
        )
    assert grown < GROWTH

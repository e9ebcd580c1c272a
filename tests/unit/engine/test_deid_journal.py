"""What is noted as de-identified is whole, whenever the power fails."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from adit_cli.deid.records import Record, RecordFile, records_in
from adit_cli.engine.deid_journal import open_journal
from adit_cli.errors import UsageError
from adit_cli.nodes import storage


def made(folder: Path, number: int) -> tuple[Path, Path]:
    """Return a source and its result."""
    source, target = folder / f"source-{number}", folder / "out" / f"{number}.dcm"
    target.parent.mkdir(exist_ok=True)
    source.write_bytes(b"an image")
    target.write_bytes(b"an image of nobody")
    return source, target


def test_a_result_is_noted_when_it_is_on_the_disk_itself_and_not_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[int] = set()
    noted: list[str] = []
    fsync, add = os.fsync, RecordFile.add

    def note_sync(descriptor: int) -> None:
        synced.add(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    def note_record(file: RecordFile, record: Record) -> None:
        noted.append(str(record["target"]))
        assert (tmp_path / "out" / noted[-1]).stat().st_ino in synced
        add(file, record)

    monkeypatch.setattr(storage.os, "fsync", note_sync)
    monkeypatch.setattr(RecordFile, "add", note_record)
    with open_journal(tmp_path / "journals", tmp_path / "out", "rules") as journal:
        for number in range(70):
            source, target = made(tmp_path, number)
            journal.add(source, "P1", target, None)

    assert noted == [f"{number}.dcm" for number in range(70)]


def test_a_result_that_is_gone_before_it_is_noted_is_told(tmp_path: Path) -> None:
    source, target = made(tmp_path, 1)

    def note_what_goes() -> None:
        with open_journal(tmp_path / "journals", tmp_path / "out", "rules") as journal:
            journal.add(source, "P1", target, None)
            target.unlink()

    with pytest.raises(UsageError, match="out"):
        note_what_goes()

    (path,) = (tmp_path / "journals").iterdir()
    assert list(records_in(path)) == []

"""What a task replaced, noted file by file before the file may leave; the run gathers it at its end.

Notes outlive the task and its spool, so that a job that was killed has those of all that it ever delivered.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from adit_cli.deid.evidence import Evidence, Replaced
from adit_cli.deid.records import RecordFile, record_of, records_in, replaced_of
from adit_cli.nodes.storage import make_private, storage_errors

SUFFIX = ".jsonl"
PLACE = "the state folder"


class Notes:
    """What one task replaced, by instance."""

    def __init__(self, file: RecordFile) -> None:
        self._file = file

    def add(self, uid: str, replaced: Replaced) -> None:
        """Note an instance, by its original SOP Instance UID."""
        self._file.add({"instance": uid, **record_of(replaced)})


@contextmanager
def notes_of(task_key: str, folder: Path | None) -> Generator[Notes | None]:
    """Open a task's notes, where notes are wanted; on the disk when the task has ended."""
    if folder is None:
        yield None
        return
    with storage_errors(PLACE):
        make_private(folder)
        file = RecordFile(folder / f"{task_key}{SUFFIX}")
    with storage_errors(PLACE), closing(file):
        yield Notes(file)


def gathered(folder: Path) -> Evidence:
    """Return what all tasks noted; of an instance that was prepared twice, the last."""
    evidence = Evidence()
    for path in _oldest_first(folder):
        last = {str(record["instance"]): record for record in records_in(path)}
        for record in last.values():
            evidence.add(replaced_of(record))
    return evidence


def _oldest_first(folder: Path) -> Iterator[Path]:
    """Return the notes in the order of their tasks, so that what other rules made later wins."""
    return iter(sorted(folder.glob(f"*{SUFFIX}"), key=lambda path: (path.stat().st_mtime_ns, path.name)))

"""What `adit deid` has written into a folder by one set of rules, so that the same again does what is left.

A result is noted when it is safe on the disk itself: whoever goes on never takes for whole what a power
failure has cut. A source is noted by a hash of its path: the journal names no file, and no patient unless
evidence is asked for.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from adit_cli.deid.evidence import Evidence, Replaced
from adit_cli.deid.records import Record, RecordFile, record_of, records_in, replaced_of
from adit_cli.deid.rules import Clean
from adit_cli.deid.spec import DeidSpec, Masks
from adit_cli.errors import UsageError
from adit_cli.nodes.storage import flush, make_private, storage_errors

PLACE = "the state folder"
_AT_ONCE = 32
"""Results that are synced together; so many at most are made again after a kill."""


class Journal:
    """The files of a folder that are done."""

    def __init__(self, path: Path, folder: Path) -> None:
        self._path = path
        self._folder = folder
        self._done = {str(record["source"]): record for record in records_in(path)}
        self._file = RecordFile(path)
        self._waiting: list[tuple[Path, Record]] = []

    def done(self, source: Path, pseudonym: str) -> tuple[Path, int] | None:
        """Return the result of a file and its size, if neither has been touched since."""
        record = self._done.get(_name(source, pseudonym))
        if record is None or record["state"] != _state(source):
            return None
        target = self._folder / str(record["target"])
        is_there = target.is_file() and _state(target) == record["result"]
        return (target, target.stat().st_size) if is_there else None

    def add(self, source: Path, pseudonym: str, target: Path, replaced: Replaced | None) -> None:
        """Note that a file is done, once its result is on the disk."""
        record: Record = {
            "source": _name(source, pseudonym),
            "state": _state(source),
            "target": str(target.relative_to(self._folder)),
            "result": _state(target),
            **(record_of(replaced) if replaced else {}),
        }
        self._waiting.append((target, record))
        if len(self._waiting) >= _AT_ONCE:
            self._note()

    def evidence(self) -> Evidence:
        """Return what was replaced in all that is noted; of what was done twice, the last."""
        self._note()
        evidence = Evidence()
        for record in {str(record["target"]): record for record in records_in(self._path)}.values():
            evidence.add(replaced_of(record))
        return evidence

    def close(self) -> None:
        """Wait until all of it is on the disk."""
        try:
            self._note()
        finally:
            self._file.close()

    def _note(self) -> None:
        waiting, self._waiting = self._waiting, []
        with storage_errors(str(self._folder), UsageError):
            flush(target for target, _ in waiting)
        with storage_errors(PLACE):
            for _, record in waiting:
                self._file.add(record)


@contextmanager
def open_journal(journals: Path, folder: Path, rules: str) -> Generator[Journal]:
    """Open the journal of a folder and a set of rules; only this user can read it."""
    with storage_errors(PLACE):
        make_private(journals)
        named = hashlib.sha256(f"{folder.resolve()}\0{rules}".encode()).hexdigest()[:32]
        journal = Journal(journals / f"{named}.jsonl", folder)
    try:
        yield journal
    finally:
        with storage_errors(PLACE):
            journal.close()


def digest_of(spec: DeidSpec, key: bytes, settings: Iterable[str]) -> str:
    """Return a hash of all that determines a result but the file: rules, the lists they name, and the key."""
    lists = [rule.allowlist for rule in spec.rules.values() if isinstance(rule, Clean) and rule.allowlist]
    lists += [spec.burned_in.masks] if isinstance(spec.burned_in, Masks) else []
    digest = hmac.new(key, json.dumps([version("adit-cli"), *settings]).encode(), "sha256")
    digest.update(spec.model_dump_json(exclude={"evidence"}).encode() + bytes([spec.evidence is not None]))
    for path in lists:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _name(source: Path, pseudonym: str) -> str:
    return hashlib.sha256(f"{source.absolute()}\0{pseudonym}".encode("utf-8", "surrogateescape")).hexdigest()


def _state(path: Path) -> str:
    found = path.stat()
    return f"{found.st_size}-{found.st_mtime_ns}"

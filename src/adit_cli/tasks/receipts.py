"""What a destination said that it holds, kept with the spool: the next attempt delivers what is missing.

As long as the spool lives the files are the same; nothing is known any more when it is gone.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from adit_cli.nodes.base import Delivered
from adit_cli.nodes.storage import PRIVATE_FILE, storage_errors

_EACH, _TOGETHER = "each", "together"


class Receipts:
    """One destination's answers of earlier attempts at a task, and those of this one as they come.

    A folder files a study as a whole, so that one new file may change where all of them go; what it took
    holds only if nothing is added. A server has each instance by itself.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, set[str]] = {_EACH: set(), _TOGETHER: set()}
        if path.exists():
            self._read()

    def has(self, uid: str) -> bool:
        """Return whether the destination holds an instance whatever else comes."""
        return uid in self._known[_EACH]

    def has_if_alone(self, uid: str) -> bool:
        """Return whether it holds an instance as one of a study that was complete without further files."""
        return uid in self._known[_TOGETHER]

    def note_each(self, told: Iterable[Delivered]) -> None:
        """Write down what was taken by itself; not where a person should look at it."""
        self._note(_EACH, [answer.uid for answer in told if _is_clean(answer)])

    def note_together(self, told: Iterable[Delivered]) -> None:
        """Write down a study that was taken as one, if all of it was."""
        answers = list(told)
        if all(map(_is_clean, answers)):
            self._note(_TOGETHER, [answer.uid for answer in answers])

    def _note(self, how: str, uids: list[str]) -> None:
        if not uids:
            return
        text = "".join(f"{how} {uid}\n" for uid in uids)
        with storage_errors("the spool folder"):
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            with os.fdopen(os.open(self._path, flags, PRIVATE_FILE), "w", encoding="ascii") as output:
                output.write(text)

    def _read(self) -> None:
        """Read what earlier attempts wrote; a line that one did not finish counts for nothing."""
        with storage_errors("the spool folder"):
            lines = self._path.read_text("ascii").splitlines(keepends=True)
        for how, _, uid in (line.partition(" ") for line in lines):
            if uid.endswith("\n") and how in self._known:
                self._known[how].add(uid.strip())


def _is_clean(answer: Delivered) -> bool:
    return answer.accepted and not answer.skipped and answer.reason is None

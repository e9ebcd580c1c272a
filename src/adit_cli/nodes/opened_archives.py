"""Archives given to a command, unpacked for as long as it runs, into a corner that nobody else can read."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from adit_cli.errors import DataError
from adit_cli.nodes.archive import Member
from adit_cli.nodes.aside import Aside
from adit_cli.nodes.layout import safe_name
from adit_cli.nodes.measure import LockedError
from adit_cli.nodes.nested import InnerError, Inside, Opening, files_in
from adit_cli.nodes.storage import make_private, storage_errors, write_private


@dataclass(frozen=True, slots=True)
class Unopened:
    """An archive in an archive that is not read; it stands nowhere, its path is only its name."""

    path: Path
    error: DataError


def told(error: DataError) -> str:
    """Return why an archive is not read, and what to do about it."""
    return f"{error.message}; {error.hint}" if error.hint else error.message


def _unpacked(member: Member | DataError, path: Path, inside: Inside) -> Path | Unopened:
    """Write a file out; one that is damaged leaves those around it."""
    if isinstance(member, DataError):
        return Unopened(path, member)
    try:
        with storage_errors("the state folder"):
            write_private(member.data, path)
    except DataError as error:
        if len(inside) == 1 and isinstance(error, LockedError):
            raise
        what = "lies in an archive that cannot be read to its end" if len(inside) > 1 else "is damaged"
        return Unopened(path, InnerError(what))
    return path


class OpenedArchives:
    """Unpacks archives below a folder under names of our own, and removes all of it at the end.

    What a run left that was killed is removed by the next one that opens an archive.
    """

    def __init__(self, folder: Path, password: str = "") -> None:
        self._root = folder
        self._password = password
        self._aside: Aside | None = None
        self._shown: dict[Path, str] = {}
        self._archives = 0

    def files(self, archive: Path) -> Iterator[Path | Unopened]:
        """Yield every file in an archive and in those in it, unpacked; DataError where it breaks off."""
        with storage_errors("the state folder"):
            folder = self._folder(archive)
        with closing(files_in(archive, Opening(self._password, folder))) as found:
            for inside, member in found:
                path = folder / "-".join(f"{number:06}" for number in inside)
                self._shown[path] = ", ".join([str(archive), *(f"file {number}" for number in inside)])
                yield _unpacked(member, path, inside)

    def shown(self, path: Path) -> str:
        """Return a path as messages name it: what came out of an archive by its place there."""
        return self._shown.get(path, str(path))

    def close(self) -> None:
        """Remove what was unpacked."""
        if self._aside is not None:
            self._aside.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _folder(self, archive: Path) -> Path:
        if self._aside is None:
            make_private(self._root)
            self._aside = Aside(self._root, uuid.uuid4().hex)
        self._archives += 1
        folder = self._aside.folder / f"{self._archives}-{safe_name(archive.name)}"
        make_private(folder)
        return folder

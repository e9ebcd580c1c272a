"""Archives given to a command, unpacked for as long as it runs, into a corner that nobody else can read."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Self

from adit_cli.nodes.archive import archive_ending, members
from adit_cli.nodes.aside import Aside
from adit_cli.nodes.layout import safe_name
from adit_cli.nodes.packed import write_private
from adit_cli.nodes.storage import make_private, storage_errors


class OpenedArchives:
    """Unpacks archives below a folder under names of our own, and removes all of it at the end.

    What a run left that was killed is removed by the next one that opens an archive.
    """

    def __init__(self, folder: Path) -> None:
        self._root = folder
        self._aside: Aside | None = None
        self._shown: dict[Path, str] = {}
        self._archives = 0

    def files(self, archive: Path) -> Iterator[Path]:
        """Yield every file in an archive, unpacked; DataError where it cannot be read to its end.

        One that is an archive again keeps its ending, to be known by it.
        """
        with storage_errors("the state folder"):
            folder = self._folder(archive)
        with closing(members(archive)) as found:
            for member in found:
                path = folder / f"{member.number:06}{archive_ending(member.name)}"
                with storage_errors("the state folder"):
                    write_private(member.data, path)
                self._shown[path] = f"{archive}, file {member.number}"
                yield path

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

"""Archives in archives, to a depth that is bound: each level multiplies what the one above may grow to.

An inner archive is written aside, under a name of ours, for as long as it is read.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Generator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from adit_cli.errors import DataError
from adit_cli.nodes.archive import Member, archive_ending, is_archive, members
from adit_cli.nodes.aside import Aside
from adit_cli.nodes.measure import LockedError, Measure
from adit_cli.nodes.storage import Readable, make_private, storage_errors, write_private

DEEPEST = 3
"""Archives one in the other that are opened; what lies deeper is named."""
_PREAMBLE = 132

Inside: TypeAlias = tuple[int, ...]
"""Where a file lies in an archive: its number, counted from 1; below inner archives, first theirs."""


class InnerError(DataError):
    """An archive that lies in another one cannot be read."""


class TooDeepError(InnerError):
    """An archive lies in more archives than are opened."""


@dataclass(frozen=True, slots=True)
class Opening:
    """How archives are opened."""

    password: str = field(default="", repr=False)
    aside: Path | None = None
    """Where inner archives wait; else in the folder of temporary files."""


def anywhere(_inside: Inside) -> bool:
    """Return that every inner archive is to be opened."""
    return True


def files_in(
    archive: Path, opening: Opening, enter: Callable[[Inside], bool] = anywhere
) -> Generator[tuple[Inside, Member | DataError]]:
    """Yield each file in an archive and in those that lie in it, or why an inner one is not read.

    DataError as `members`, where the outer one is not. `enter` says which inner ones are looked into.
    """
    with ExitStack() as held:
        yield from _Descent(opening, enter, Measure(archive), held).files(archive, ())


class _Descent:
    """One pass through an archive, with all that lies in it drawing on one measure."""

    def __init__(
        self, opening: Opening, enter: Callable[[Inside], bool], measure: Measure, held: ExitStack
    ) -> None:
        self._opening = opening
        self._enter = enter
        self._measure = measure
        self._held = held
        self._folder: Path | None = None

    def files(self, archive: Path, above: Inside) -> Generator[tuple[Inside, Member | DataError]]:
        with closing(members(archive, self._opening.password, self._measure)) as found:
            for member in found:
                inside = (*above, member.number)
                if not is_archive(Path(member.name)) or not self._enter(inside):
                    yield inside, member
                    continue
                begun = _Begun(member.data)
                if begun.says_dicom():
                    yield inside, replace(member, data=begun)
                elif len(inside) >= DEEPEST:
                    yield inside, TooDeepError("is an archive that lies in too many others")
                else:
                    yield from self._below(replace(member, data=begun), inside)

    def _below(self, inner: Member, inside: Inside) -> Generator[tuple[Inside, Member | DataError]]:
        """Look into an inner archive; what is wrong with it is said without the name that it has here."""
        path = self._room() / f"{'-'.join(map(str, inside))}{archive_ending(inner.name)}"
        try:
            with storage_errors("the folder for temporary files"):
                write_private(inner.data, path)
        except LockedError:  # of the one that it lies in
            raise
        except DataError:
            yield inside, InnerError("cannot be read to its end")
            return
        try:
            yield from self.files(path, inside)
        except DataError as error:
            kind = LockedError if isinstance(error, LockedError) else InnerError
            yield inside, kind(error.message.removeprefix(path.name).strip(), hint=error.hint)
        finally:
            path.unlink()

    def _room(self) -> Path:
        if self._folder is None:
            with storage_errors("the folder for temporary files"):
                self._folder = self._held.enter_context(_corner(self._opening.aside))
        return self._folder


class _Begun:
    """A file of which the beginning is read before it is handed over whole."""

    def __init__(self, rest: Readable) -> None:
        self._rest = rest
        self._head = b""

    def says_dicom(self) -> bool:
        """Return whether it is DICOM, whatever its name; one that cannot be read is not."""
        with suppress(DataError):
            while len(self._head) < _PREAMBLE and (block := self._rest.read(_PREAMBLE - len(self._head))):
                self._head += block
        return self._head[128:] == b"DICM"

    def read(self, size: int, /) -> bytes:
        head, self._head = self._head[:size], self._head[size:]
        return head or self._rest.read(size)


@contextmanager
def _corner(aside: Path | None) -> Generator[Path]:
    """Lend a folder that nobody else can read; what a killed run left in `aside` is removed by the next."""
    if aside is None:
        with TemporaryDirectory(prefix="adit-") as name:
            yield Path(name)
        return
    make_private(aside)
    corner = Aside(aside, uuid.uuid4().hex)
    try:
        yield corner.folder
    finally:
        corner.close()

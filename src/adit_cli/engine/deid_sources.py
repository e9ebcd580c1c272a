"""The files that `adit deid` is given, out of folders and archives, and what is left out of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from adit_cli.errors import DataError, Reason, UsageError
from adit_cli.nodes.archive import is_archive
from adit_cli.nodes.below import files_below
from adit_cli.nodes.opened_archives import OpenedArchives, Unopened, told
from adit_cli.nodes.storage import storage_errors


@dataclass(frozen=True, slots=True)
class Found:
    """A file to be de-identified."""

    path: Path
    shown: str
    """How messages name it: what came out of an archive by its place there."""
    folders: tuple[str, ...] = ()
    """Those it lies in, below what the user named. Their names may name patients."""
    lasting: bool = True
    """Whether a later run finds it under the same path."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that was not written, and why."""

    shown: str
    reason: Reason
    message: str


def files_of(
    paths: Iterable[Path], archives: OpenedArchives, output: Path | None = None
) -> Iterator[Found | LeftOut]:
    """Return the files that are named, those in the folders that are, and what archives hold.

    Results of an earlier run in a folder below are no originals.
    """
    for path in paths:
        if not path.exists():
            raise UsageError(f"there is no file or folder {path}")
        closed: list[Path] = []
        with storage_errors(str(path), UsageError):
            for file in _originals(path, output, closed.append) if path.is_dir() else (path,):
                yield from _taken(file, file.relative_to(path).parts[:-1], archives)
        for folder in closed:
            yield LeftOut(str(folder), Reason.REJECTED, "is a folder that cannot be looked into")


def _originals(root: Path, output: Path | None, closed: Callable[[Path], None]) -> Iterator[Path]:
    there, results = root.resolve(), output.resolve() if output else None
    if there == results:
        raise UsageError(f"{root} holds the originals", hint="choose another folder for the results with -o")
    below = results.relative_to(there) if results and results.is_relative_to(there) else None
    for file in files_below(root, closed):
        if below is None or not file.is_relative_to(root / below):
            yield file


def _taken(file: Path, folders: tuple[str, ...], archives: OpenedArchives) -> Iterator[Found | LeftOut]:
    try:
        if not file.is_file():
            yield LeftOut(str(file), Reason.REJECTED, "is no regular file, or a link to nowhere")
        elif is_archive(file):
            yield from _opened(file, folders, archives)
        else:
            yield Found(file, str(file), folders)
    except OSError as error:
        yield LeftOut(str(file), Reason.REJECTED, f"cannot be read: {error.strerror}")


def _opened(archive: Path, folders: tuple[str, ...], archives: OpenedArchives) -> Iterator[Found | LeftOut]:
    inside = (*folders, archive.name)
    try:
        for path in archives.files(archive):
            if isinstance(path, Unopened):
                yield LeftOut(archives.shown(path.path), path.error.reason, told(path.error))
            else:
                yield Found(path, archives.shown(path), inside, lasting=False)
    except DataError as error:
        yield LeftOut(str(archive), error.reason, told(error))

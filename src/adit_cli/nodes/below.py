"""The files below a folder. Whoever asks is told of each folder that cannot be looked into."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from adit_cli.nodes.aside import STAGING
from adit_cli.nodes.storage import is_unfinished

_Identity: TypeAlias = tuple[int, int]


def files_below(root: Path, closed: Callable[[Path], None]) -> Iterator[Path]:
    """Return the files of a tree in a stable order, without what we are just bringing there.

    Links are followed, to each folder once, and not to those that hold the tree. OSError where the root
    itself cannot be looked into; `closed` is told of any other folder.
    """
    with os.scandir(root):
        pass  # os.walk would only tell `closed`
    there = root.resolve()
    seen = {_identity(one.stat()) for one in (there, *there.parents)}

    def tell(error: OSError) -> None:
        closed(Path(error.filename or root))

    for folder, folders, names in os.walk(root, onerror=tell, followlinks=True):
        folders[:] = sorted(name for name in folders if name != STAGING and _is_new(Path(folder, name), seen))
        yield from (Path(folder, name) for name in sorted(names) if not is_unfinished(name))


def shown_below(path: Path, root: Path) -> str:
    """Return a path as messages name it: what steers a terminal, or fits in no text, is replaced."""
    shown = str(path.relative_to(root))
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in shown)


def _is_new(folder: Path, seen: set[_Identity]) -> bool:
    """Return whether a folder was not seen before; one that cannot be reached is told of by the walk."""
    try:
        identity = _identity(folder.stat())
    except OSError:
        return True
    is_new = identity not in seen
    seen.add(identity)
    return is_new


def _identity(status: os.stat_result) -> _Identity:
    return status.st_dev, status.st_ino

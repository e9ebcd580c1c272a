"""A DICOMDIR at the top of a folder, kept current as studies come (PS3.10 §8.6)."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from adit_cli.dicom.directory import NAME, listed
from adit_cli.dicom.directory_writing import with_files
from adit_cli.errors import DataError, NodeError
from adit_cli.nodes.storage import PRIVATE_FILE, flush


def list_in_directory(name: str, root: Path, places: Iterable[PurePosixPath], draft: Path) -> None:
    """Make the DICOMDIR name these files too; it is seen only when it is whole, and may be replaced only so.

    NodeError where one is there that cannot be read.
    """
    target = root / NAME
    present = target.read_bytes() if target.exists() else b""
    try:
        named = {one.file for one in listed(present)} if present else set[str]()
        new = {str(place): root / place for place in places if str(place) not in named}
        if not new:
            return
        content = with_files(present, new, f"2.25.{uuid.uuid4().int}")
    except DataError as error:
        raise NodeError(f"{name}: the DICOMDIR that is there is damaged", hint="move it away") from error
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as output:
        output.write(content)
    flush([draft])
    draft.replace(target)
    flush([root])

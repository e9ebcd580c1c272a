"""SHA-256 sums of what was delivered, in the form that `sha256sum -c` reads in the destination's folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from adit_cli.nodes.layout import Layout
from adit_cli.nodes.storage import BLOCK, PRIVATE_FILE, flush, make_private

_PLACE = Layout("manifests/{StudyInstanceUID}.sha256")


def manifest_of_study(study_uid: str) -> PurePosixPath:
    """Return where the sums of a study's files stand."""
    return _PLACE.place({"StudyInstanceUID": study_uid}, ())


def manifest_of_archive(archive: PurePosixPath) -> PurePosixPath:
    """Return where the sum of an archive stands."""
    return archive.with_name(f"{archive.name}.sha256")


def write_manifest(root: Path, manifest: PurePosixPath, places: Iterable[PurePosixPath], draft: Path) -> None:
    """Write the sums of these files, beside those of others that stand there; seen only when it is whole.

    Names need no quoting: a layout leaves no backslash and no line break in them.
    """
    target = root / manifest
    sums = _present(target) | {str(place): _sum(root / place) for place in places}
    text = "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items()))
    if target.exists() and target.read_text("utf-8") == text:
        return
    make_private(target.parent)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, PRIVATE_FILE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as output:
        output.write(text)
    flush([draft])
    draft.replace(target)
    flush([target.parent])


def _present(target: Path) -> dict[str, str]:
    if not target.exists():
        return {}
    lines = target.read_text("utf-8").splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines) if name}


def _sum(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()

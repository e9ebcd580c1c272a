"""What the de-identification of a job file names outside of it: word lists, masks, a place for evidence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from adit_cli.deid.rules import Clean
from adit_cli.deid.spec import DeidSpec, Masks
from adit_cli.jobfile.node import FolderNode, NodeSpec
from adit_cli.jobfile.problems import Loc


def named_files(deid: DeidSpec | None, folder: Path) -> Iterator[tuple[Loc, Path]]:
    """Yield the files that must be there, each with its place in the job file."""
    if deid is None:
        return
    for selector, rule in deid.rules.items():
        if isinstance(rule, Clean) and rule.allowlist:
            yield ("deidentify", "rules", selector, "clean"), folder / rule.allowlist
    if isinstance(deid.burned_in, Masks):
        yield ("deidentify", "burned_in", "masks"), folder / deid.burned_in.masks


def evidence_beside_data(
    deid: DeidSpec | None, folder: Path, destinations: Iterator[NodeSpec | None]
) -> Iterator[tuple[Loc, str]]:
    """Find evidence that would lie where those who get the data could read it."""
    if deid is None or deid.evidence is None:
        return
    place = Path(folder, deid.evidence.expanduser()).resolve()
    if any(
        isinstance(node, FolderNode) and place.is_relative_to(node.folder.resolve()) for node in destinations
    ):
        yield (
            ("deidentify", "evidence"),
            "lies in a destination folder, and names those whose images are there: choose a folder elsewhere",
        )

"""The tables of old and new identifiers, where a job or a command asks for them."""

from __future__ import annotations

from pathlib import Path

from adit_cli.deid.evidence import Evidence
from adit_cli.errors import UsageError
from adit_cli.nodes.storage import make_private, storage_errors
from adit_cli.tasks.evidence import gathered
from adit_cli.tasks.work import Work


def check_evidence_folder(folder: Path) -> None:
    """Make the folder and see that it can be written, before anything has moved; UsageError if not."""
    with storage_errors(f"the evidence folder {folder}", UsageError):
        make_private(folder)
        probe = folder / ".adit-probe"
        probe.touch(mode=0o600)
        probe.unlink()


def write_evidence(evidence: Evidence, folder: Path) -> None:
    """Write the tables anew; UsageError where the folder cannot be written any more."""
    with storage_errors(f"the evidence folder {folder}", UsageError):
        make_private(folder)
        evidence.write(folder)


def write_evidence_of(work: Work) -> None:
    """Write what all tasks of a job noted, those of earlier runs included."""
    folder, notes = work.job.deid.evidence, work.evidence
    if folder is not None and notes is not None:
        write_evidence(gathered(notes), folder)

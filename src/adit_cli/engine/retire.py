"""Stop a job's run from outside, and forget a job."""

from __future__ import annotations

import os
import shutil
import signal

from adit_cli.engine.folders import JobFolder
from adit_cli.engine.lock import exclusive, holder
from adit_cli.errors import StateError, UsageError


def stop_run(folder: JobFolder) -> int:
    """Ask the process that runs this job to stop where it can go on later; return its id."""
    require(folder)
    pid = holder(folder)
    if not pid:
        raise UsageError(f"job {folder.path.name} is not running")
    try:
        os.kill(pid, signal.SIGTERM)
    except PermissionError as error:
        raise StateError(f"process {pid} runs the job and belongs to someone else") from error
    return pid


def forget(folder: JobFolder) -> None:
    """Remove all that is known of a job, its own key included; StateError while it runs."""
    require(folder)
    with exclusive(folder, folder.path.name):
        shutil.rmtree(folder.path)


def require(folder: JobFolder) -> None:
    """Raise UsageError where no such job has run."""
    if not folder.path.is_dir():
        raise UsageError(
            f"no job has run as {folder.path.name} here", hint="`adit jobs` lists those that have"
        )

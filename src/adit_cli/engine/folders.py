"""Where the state of jobs is kept: one folder a job, and the machine's slots. Only paths, nothing is read.

<state>/jobs/<name>/{state.sqlite, lock, key, spool/, evidence/, index/, unpacked/}
<state>/slots/
<state>/unpacked/
<state>/deid/
<state>/inbox/
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from adit_cli.errors import StateError

PRIVATE = 0o700
SAFE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class JobFolder:
    """What one job keeps between runs."""

    path: Path

    @property
    def database(self) -> Path:
        """Tasks, attempts and outcomes."""
        return self.path / "state.sqlite"

    @property
    def last_plan(self) -> Path:
        """What `adit plan` showed last, by UIDs and numbers."""
        return self.path / "last-plan.json"

    @property
    def lock(self) -> Path:
        """Held by the run that is going on."""
        return self.path / "lock"

    @property
    def key(self) -> Path:
        """The secret of a job that names none."""
        return self.path / "key"

    @property
    def spool(self) -> Path:
        """Files on their way, in one folder a task."""
        return self.path / "spool"

    def create(self) -> JobFolder:
        """Make the folder and its spool, for this user only."""
        make_private(self.path)
        make_private(self.spool)
        return self


@dataclass(frozen=True, slots=True)
class StateFolder:
    """The state of all jobs of this user on this machine."""

    path: Path

    @property
    def slots(self) -> Path:
        """Lock files that count the use of each node."""
        return self.path / "slots"

    @property
    def lookups(self) -> Path:
        """What sources answered lately of the series of studies."""
        return self.path / "lookups"

    @property
    def unpacked(self) -> Path:
        """What is taken out of archives while a command runs that was given some."""
        return self.path / "unpacked"

    @property
    def inbox(self) -> Path:
        """Where the receiver puts what jobs have moved here."""
        return self.path / "inbox"

    @property
    def deidentified(self) -> Path:
        """Journals of what `adit deid` has written where."""
        return self.path / "deid"

    def job(self, name: str) -> JobFolder:
        """Return the folder of the job with this name, whether it exists or not."""
        return JobFolder(self.path / "jobs" / folder_name(name))

    def jobs(self) -> list[JobFolder]:
        """Return the folders of all jobs that ever ran."""
        found = (self.path / "jobs").glob("*/state.sqlite")
        return [JobFolder(database.parent) for database in sorted(found)]

    def create(self) -> StateFolder:
        """Make the folder, for this user only."""
        for folder in (self.path, self.path / "jobs", self.slots):
            make_private(folder)
        return self


def state_of(spool: Path) -> StateFolder:
    """Return the state folder that a job's spool is in."""
    return StateFolder(spool.parents[2])


def state_folder(explicit: Path | None, env: Mapping[str, str]) -> StateFolder:
    """Return the folder that the user chose: the option, then $ADIT_STATE_DIR, then the platform's."""
    chosen = explicit or env.get("ADIT_STATE_DIR") or platformdirs.user_state_path("adit")
    return StateFolder(Path(chosen).expanduser().absolute())


def folder_name(job: str) -> str:
    """Return a name that is safe in every file system; a job name that is not gets a hash at its end."""
    if SAFE_NAME.fullmatch(job):
        return job
    readable = re.sub(r"[^A-Za-z0-9_-]+", "-", job).strip("-")[:60]
    return f"{readable or 'job'}~{hashlib.sha256(job.encode()).hexdigest()[:12]}"


def make_private(folder: Path) -> None:
    """Make a folder that only this user can look into; one that exists is closed to others."""
    try:
        folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        if folder.stat().st_mode & 0o077:
            folder.chmod(PRIVATE)
    except OSError as error:
        raise StateError(
            f"cannot use the state folder {folder}: {error.strerror}",
            hint="choose another one with --state-dir or $ADIT_STATE_DIR",
        ) from error

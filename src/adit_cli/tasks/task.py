"""The nouns of a run. Small frozen dataclasses, since they cross process boundaries."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from adit_cli.errors import Reason


class TaskStatus(StrEnum):
    """Where a task stands; the value is what SQLite and JSON show."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class TransferTask:
    """One study from one source under one set of rules."""

    key: str
    """Hash of what determines the result; the same key is the same work."""
    study_uid: str
    source: str
    destinations: tuple[str, ...]
    patient_id: str = ""
    issuer: str = ""
    pseudonym: str | None = None
    series_uids: tuple[str, ...] = ()
    """Only these series, where the cohort's rows named some; empty is every series the job's rules let in."""
    rows: tuple[int, ...] = ()
    """Rows of the cohort (1 is the first below the header) that asked for this study."""
    instances: int | None = None
    """How many instances the plan counted; None where the source did not say."""
    modalities: str = ""
    """What the study has, as the source told it: how large studies are is learned by modality."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What a running task has done so far, for displays only."""

    task_key: str
    phase: str
    expected: int = 0
    received: int = 0
    delivered: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one attempt ended. expected = received + missing; received = delivered + withheld + rejected."""

    status: TaskStatus
    reason: Reason | None = None
    message: str = ""
    hint: str = ""
    transient: bool = False
    """Whether another attempt may end better."""
    expected: int = 0
    received: int = 0
    delivered: int = 0
    """Instances that every destination holds."""
    withheld: int = 0
    rejected: int = 0
    size: int = 0
    seconds: float = 0.0
    missing: tuple[str, ...] = ()
    """SOP Instance UIDs that were listed and did not arrive."""
    notes: tuple[str, ...] = ()
    """Further sentences for a person, without identifiers of the patient."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a task, as the state database keeps it."""

    task_key: str
    number: int
    started: float
    ended: float | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A row, UID or query of the job that became no task, or not the one it should have."""

    label: str
    """How the user finds it again: `cohort.csv row 17`, a study UID; never a name or patient ID."""
    reason: Reason
    message: str
    hint: str = ""
    row: int | None = None

"""The errors a user can act on. Grouped by what the caller can do; everything else is a bug."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import ClassVar


class Reason(StrEnum):
    """Why a task did not end in success; the value is what SQLite, JSON and `adit status` show."""

    NOT_FOUND = "not-found"
    AMBIGUOUS = "ambiguous"
    OFFLINE = "offline"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    NO_CONTEXT = "no-context"
    TIMEOUT = "timeout"
    INCOMPLETE = "incomplete"
    MISMATCH = "mismatch"
    REJECTED = "rejected"
    DEID_BLOCKED = "deid-blocked"
    LEAK = "leak"
    DISK_FULL = "disk-full"
    INTERRUPTED = "interrupted"
    INTERNAL = "internal"


class AditError(Exception):
    """Something the user can act on; shown without a traceback.

    The message names the thing and the fact, the hint the next step. Neither may hold a patient's
    name, birth date or identifier, a pseudonym, or a secret: both reach logs and the state database.
    """

    exit_code: ClassVar[int] = 1
    transient: ClassVar[bool] = False
    default_reason: ClassVar[Reason] = Reason.INTERNAL

    def __init__(self, message: str, *, hint: str = "", reason: Reason | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.reason = reason or self.default_reason

    def __reduce__(self) -> tuple[object, ...]:
        """Keep hint and reason when the error crosses a process boundary."""
        return (_rebuild, (type(self), self.message, self.hint, self.reason.value))


def _rebuild(kind: type[AditError], message: str, hint: str, reason: str) -> AditError:
    return kind(message, hint=hint, reason=Reason(reason))


class UsageError(AditError):
    """The command line, the configuration or an input file is not usable as it stands."""

    exit_code = 2


class JobFileError(UsageError):
    """The job file is not valid; the message holds every problem, one a line."""


class NodeError(AditError):
    """A node refused or cannot do it; asking again will not help."""

    exit_code = 6
    default_reason = Reason.REFUSED


class CutShortError(NodeError):
    """A node said that there is more than it answered; `answers` is what it gave."""

    answers: Sequence[dict[str, str]] = ()


class TransientNodeError(NodeError):
    """A node was busy, unreachable or broke off; asking again may help."""

    transient = True
    default_reason = Reason.UNREACHABLE


class ReceiverError(AditError):
    """C-MOVE cannot reach this machine: no receiver can run, or the node does not know it."""

    exit_code = 6
    default_reason = Reason.UNREACHABLE


class DataError(AditError):
    """A file is not DICOM, or not whole enough to be used."""

    default_reason = Reason.REJECTED


class DeidError(AditError):
    """A file may not leave: it was held back (`deid-blocked`) or still names its patient (`leak`)."""

    exit_code = 3
    default_reason = Reason.DEID_BLOCKED


class DiskFullError(AditError):
    """There is no room left where a file must go; freeing space and running again helps."""

    exit_code = 7
    transient = True
    default_reason = Reason.DISK_FULL


class StoppedError(AditError):
    """The user or the system asked to stop: raised out of `report` at a safe point; a later run goes on."""

    exit_code = 5
    transient = True
    default_reason = Reason.INTERRUPTED


class StateError(AditError):
    """The state database is locked by another run of the same job, or unusable."""

    exit_code = 10

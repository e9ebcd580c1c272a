"""What every node can do, as two small protocols; the kinds of node implement them without inheriting."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from adit_cli.dicom.json_model import JsonDataset
from adit_cli.dicom.query import Attributes, Level
from adit_cli.errors import Reason


@dataclass(frozen=True, slots=True)
class InstanceRef:
    """One SOP instance as a node listed it at image level."""

    study_uid: str
    series_uid: str
    uid: str
    sop_class_uid: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A whole Part-10 file that has just appeared in the spool by rename."""

    path: Path
    uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    size: int


OnArrival = Callable[[Arrival], None]


@dataclass(frozen=True, slots=True)
class RetrieveRequest:
    """What is wanted of one study: all of it, some series, or single instances."""

    study_uid: str
    series_uids: tuple[str, ...] = ()
    instances: tuple[InstanceRef, ...] = ()
    """What the image-level find listed and has not arrived yet; empty where nothing was listed."""
    partial: bool = False
    """Whether the rest of what was listed is here already, so that whole series would come twice."""


@dataclass(frozen=True, slots=True)
class FailedInstance:
    """One instance that the peer said, or we saw, could not be moved."""

    uid: str
    reason: Reason
    message: str


class Source(Protocol):
    """A node that studies can be found in and fetched from."""

    def find(self, level: Level, keys: Mapping[str, str]) -> list[Attributes]:
        """Return what the node has at this level; the keys are matching keys, empty ones are asked back."""
        ...

    def retrieve(self, request: RetrieveRequest, spool: Path, arrived: OnArrival) -> list[FailedInstance]:
        """Fetch into `spool/<SOPInstanceUID>.dcm` and report each file as it is whole.

        What the peer claims is not proof: the caller compares what arrived with what was listed.
        `arrived` may be called from several threads, one call at a time.
        """
        ...

    def close(self) -> None:
        """Release what is held open."""
        ...


@dataclass(frozen=True, slots=True)
class Ready:
    """A file that may leave: de-identified where the job asks for it."""

    path: Path
    uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    size: int
    spooled: bool = False
    """Whether it is ours, in a spool that will be removed: a folder may then take it without copying."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What a destination said of one instance: accepted, accepted with a warning, or refused."""

    uid: str
    accepted: bool
    reason: Reason | None = None
    """Why it was refused; of one that was accepted, why a person should look at it."""
    message: str = ""
    skipped: bool = False
    """Whether it isn't there because such things are not for this destination: nothing went wrong."""


def accepted(uid: str) -> Delivered:
    """Return the answer for an instance that is where it belongs."""
    return Delivered(uid, accepted=True)


class Delivery(Protocol):
    """One study on its way into one destination."""

    def add(self, files: Sequence[Ready]) -> list[Delivered]:
        """Hand over files as they become ready; returns what is known of them so far.

        What is told as accepted stays there whatever becomes of the rest.
        """
        ...

    def finish(self) -> list[Delivered]:
        """Make the study visible and durable; returns what was not yet told by `add`."""
        ...

    def abandon(self) -> None:
        """Leave nothing half-written behind; safe to call at any time, also after `finish`."""
        ...


class Destination(Protocol):
    """A node that studies can be delivered to."""

    def begin(self, task_key: str) -> Delivery:
        """Start delivering one study; the key names it across attempts."""
        ...

    def close(self) -> None:
        """Release what is held open."""
        ...


@dataclass(frozen=True, slots=True)
class Forwarded:
    """What a node says of a study that it sent to another one."""

    sent: int | None
    """How many instances; None where it does not count."""
    failed: tuple[FailedInstance, ...] = ()


@runtime_checkable
class Forwarding(Protocol):
    """A source that can send to other servers itself."""

    def forward(self, request: RetrieveRequest, ae_title: str) -> Forwarded:
        """Have it sent to this AE title; NodeError where the node sent nothing at all."""
        ...


class Nodes(Protocol):
    """The nodes of a job by name, open or opened when asked for."""

    def source(self, name: str) -> Source:
        """Return the node with this name as a source."""
        ...

    def destination(self, name: str) -> Destination:
        """Return the node with this name as a destination."""
        ...


@runtime_checkable
class Streaming(Protocol):
    """A source that hands over each answer as it comes."""

    def search(self, level: Level, keys: Mapping[str, str]) -> Generator[Attributes]:
        """Yield what `find` returns; closing the generator breaks the search off. Nothing is asked twice."""
        ...


@runtime_checkable
class Describing(Protocol):
    """A source that can tell an instance's header without sending its pixel data."""

    def describe(self, instance: InstanceRef) -> JsonDataset:
        """Return the header in the DICOM JSON model; NodeError where the node has no such instance."""
        ...


@runtime_checkable
class Reporting(Protocol):
    """A source or a delivery that has something to say, such as of files it cannot read."""

    def notes(self) -> list[str]:
        """Return sentences for a person."""
        ...


@dataclass(frozen=True, slots=True)
class Unread:
    """Something in a source that may hold images, and could not be read."""

    shown: str
    hint: str


@runtime_checkable
class Guarded(Protocol):
    """A source that may hold more than it could look into."""

    def unread(self) -> list[Unread]:
        """Return what could not be read: whoever asks for all that there is may miss something."""
        ...


@runtime_checkable
class Unlisting(Protocol):
    """A source that can send a study without having been told what is in it."""

    def fetches_unlisted(self) -> bool:
        """Return whether that holds now; a protocol that negotiates kinds of objects must know them."""
        ...


@runtime_checkable
class Relational(Protocol):
    """A source that may find series and instances by what stands above them, all at once."""

    def is_relational(self) -> bool:
        """Return whether it says that it does (PS3.4 §C.4.1.2.2.2)."""
        ...

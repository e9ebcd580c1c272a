"""A source and a destination that misbehave as real ones do, on order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from adit_cli.dicom.query import Attributes, Level
from adit_cli.errors import AditError, NodeError, Reason, TransientNodeError
from adit_cli.nodes.base import (
    Arrival,
    Delivered,
    Delivery,
    FailedInstance,
    InstanceRef,
    OnArrival,
    Ready,
    RetrieveRequest,
    Source,
)


@dataclass
class ScriptedSource:
    """Passes everything on to a source that behaves, but for what is ordered."""

    inner: Source
    hidden: set[str] = field(default_factory=set[str])
    """Keywords that are never returned."""
    cap: int | None = None
    """Finds end after so many answers, without a word."""
    extra: list[Attributes] = field(default_factory=list[Attributes])
    """Study-level answers that come whatever is asked."""
    extra_series: list[Attributes] = field(default_factory=list[Attributes])
    """Series-level answers that come whatever is asked."""
    no_image_level: AditError | None = None
    no_study_level: AditError | None = None
    lost: set[str] = field(default_factory=set[str])
    """Instances that are never sent, although all is said to have gone well."""
    admits: bool = False
    """Whether lost instances are named as failed."""
    unnamed: FailedInstance | None = None
    """A failure that is told without saying of which instance."""
    deadly: set[str] = field(default_factory=set[str])
    """Instances at which the connection breaks."""
    breaks_after: list[int] = field(default_factory=list[int])
    """For one retrieval after the other, how many files come before the connection breaks."""
    twice: dict[str, bytes] = field(default_factory=dict[str, bytes])
    """Instances that are sent a second time, with these bytes."""
    uninvited: list[Path] = field(default_factory=list[Path])
    """Files that are sent with the first retrieval, though nobody asked."""
    refuses: NodeError | None = None
    availability: str = ""
    """Instance Availability of every study, in place of what the source says."""
    on_send: Callable[[Arrival], None] | None = None
    finds: list[tuple[Level, dict[str, str]]] = field(default_factory=list[tuple[Level, dict[str, str]]])
    requests: list[RetrieveRequest] = field(default_factory=list[RetrieveRequest])

    def find(self, level: Level, keys: Mapping[str, str]) -> list[Attributes]:
        self.finds.append((level, dict(keys)))
        if level is Level.IMAGE and self.no_image_level is not None:
            raise self.no_image_level
        if level is Level.STUDY and self.no_study_level is not None:
            raise self.no_study_level
        found = self.inner.find(level, keys)
        found += {Level.STUDY: self.extra, Level.SERIES: self.extra_series}.get(level, [])
        if level is Level.STUDY and self.availability:
            found = [{**one, "InstanceAvailability": self.availability} for one in found]
        shown = [{k: v for k, v in one.items() if k not in self.hidden} for one in found]
        return shown[: self.cap]

    def retrieve(self, request: RetrieveRequest, spool: Path, arrived: OnArrival) -> list[FailedInstance]:
        self.requests.append(request)
        if self.refuses is not None:
            raise self.refuses
        sent = _Sending(self, spool, arrived, self.breaks_after.pop(0) if self.breaks_after else None)
        for path in self.uninvited:
            sent.invent(path)
        self.uninvited = []
        failed = self.inner.retrieve(request, spool, sent)
        failed += [FailedInstance(uid, Reason.INCOMPLETE, "sub-operation failed") for uid in sent.admitted]
        return failed + ([self.unnamed] if self.unnamed else [])

    def close(self) -> None:
        self.inner.close()


@dataclass
class _Sending:
    script: ScriptedSource
    spool: Path
    arrived: OnArrival
    left: int | None
    admitted: list[str] = field(default_factory=list[str])

    def __call__(self, arrival: Arrival) -> None:
        if arrival.uid in self.script.lost:
            arrival.path.unlink()
            self.admitted += [arrival.uid] if self.script.admits else []
            return
        if self.left == 0 or arrival.uid in self.script.deadly:
            arrival.path.unlink()
            raise TransientNodeError("the source closed the connection")
        self.left = None if self.left is None else self.left - 1
        if self.script.on_send is not None:
            self.script.on_send(arrival)
        self.arrived(arrival)
        again = self.script.twice.get(arrival.uid)
        if again is not None:
            self._send(arrival, again)

    def invent(self, path: Path) -> None:
        from adit_cli.dicom.files import read_file_meta  # noqa: PLC0415 - only here

        meta = read_file_meta(path)
        arrival = Arrival(
            self.spool / f"{meta.sop_instance_uid}.dcm",
            meta.sop_instance_uid,
            meta.sop_class_uid,
            meta.transfer_syntax_uid,
            0,
        )
        self._send(arrival, path.read_bytes())

    def _send(self, arrival: Arrival, data: bytes) -> None:
        arrival.path.write_bytes(data)
        self.arrived(arrival)


def set_event() -> Event:
    """Return an event that has happened."""
    event = Event()
    event.set()
    return event


@dataclass
class ScriptedDestination:
    """Keeps the bytes of what it is given, and fails where it is ordered to."""

    rejected: dict[str, Delivered] = field(default_factory=dict[str, Delivered])
    forgets: set[str] = field(default_factory=set[str])
    fails_to_begin: BaseException | None = None
    fails_to_add: BaseException | None = None
    fails_to_finish: AditError | None = None
    waits_for: Event = field(default_factory=set_event)
    """What the first files wait for."""
    adding: Event = field(default_factory=Event)
    """Set once the first files are being handed over."""
    batches: list[int] = field(default_factory=list[int])
    """How many files were handed over at once."""
    given: list[str] = field(default_factory=list[str])
    """What was handed over, in all attempts."""
    answers_at_end: bool = False
    """Whether it takes a study as a whole, as a folder does."""
    held: dict[str, bytes] = field(default_factory=dict[str, bytes])
    deliveries: list[ScriptedDelivery] = field(default_factory=list["ScriptedDelivery"])

    def begin(self, task_key: str) -> Delivery:
        if self.fails_to_begin is not None:
            raise self.fails_to_begin
        self.deliveries.append(ScriptedDelivery(self, task_key))
        return self.deliveries[-1]

    def close(self) -> None:
        pass


@dataclass
class ScriptedDelivery:
    """One delivery, and how it ended."""

    destination: ScriptedDestination
    task_key: str
    finished: bool = False
    abandoned: int = 0
    _waiting: list[Ready] = field(default_factory=list[Ready])

    def add(self, files: Sequence[Ready]) -> list[Delivered]:
        if self.destination.fails_to_add is not None:
            raise self.destination.fails_to_add
        self.destination.adding.set()
        self.destination.waits_for.wait(30)
        self.destination.batches.append(len(files))
        self.destination.given += [file.uid for file in files]
        if self.destination.answers_at_end:
            self._waiting += files
            return []
        return [self._keep(file) for file in files if file.uid not in self.destination.forgets]

    def finish(self) -> list[Delivered]:
        if self.destination.fails_to_finish is not None:
            raise self.destination.fails_to_finish
        self.finished = True
        return [self._keep(file) for file in self._waiting]

    def abandon(self) -> None:
        self.abandoned += 1

    def _keep(self, file: Ready) -> Delivered:
        if file.uid in self.destination.rejected:
            return self.destination.rejected[file.uid]
        self.destination.held[file.uid] = file.path.read_bytes()
        return Delivered(file.uid, accepted=True)


@dataclass
class ScriptedPool:
    """Nodes by name, already open."""

    sources: dict[str, Source]
    destinations: dict[str, ScriptedDestination]

    def source(self, name: str) -> Source:
        return self.sources[name]

    def destination(self, name: str) -> ScriptedDestination:
        return self.destinations[name]


def refs_of(request: RetrieveRequest) -> set[str]:
    """Return the SOP Instance UIDs that a request names."""
    return {ref.uid for ref in request.instances}


def ref(uid: str, series_uid: str = "1.2.1", study_uid: str = "1.2") -> InstanceRef:
    """Return an instance as a node lists it."""
    return InstanceRef(study_uid, series_uid, uid)

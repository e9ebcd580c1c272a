"""A server reached by DIMSE, as a destination: C-STORE of files as they are (PS3.4 §B)."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from adit_cli.counting import count
from adit_cli.errors import DataError, NodeError, Reason
from adit_cli.jobfile.node import DimsePeer, Limits
from adit_cli.nodes.base import Delivered, Ready
from adit_cli.nodes.dimse.association import Association
from adit_cli.nodes.dimse.contexts import EXPLICIT, IMPLICIT, UNCOMPRESSED, store_contexts
from adit_cli.nodes.dimse.crew import Crew
from adit_cli.nodes.dimse.doubts import Doubts
from adit_cli.nodes.dimse.line import Line
from adit_cli.nodes.dimse.messages import SUCCESS
from adit_cli.nodes.dimse.names import uid_name
from adit_cli.nodes.dimse.outgoing import Outbox
from adit_cli.nodes.dimse.pace import Pace
from adit_cli.nodes.dimse.party import Party
from adit_cli.nodes.dimse.pdu import MAX_CONTEXTS
from adit_cli.nodes.dimse.reasons import status_reason, status_words
from adit_cli.nodes.dimse.scu import c_store
from adit_cli.nodes.dimse.transcoder import Transcoder
from adit_cli.nodes.retry import STANDARD, Tries, retried

PROBE = 8
ALREADY_THERE = 0x0111
_WARNINGS = range(0xB000, 0xC000)
_LOSSES = frozenset((0xB006, 0xB007))
"""Warnings of a data set that is no longer, or never was, what it should be (PS3.4 §B.2.3)."""


class DimseDestination:
    """Sends over associations that are kept from study to study."""

    def __init__(
        self,
        name: str,
        peer: DimsePeer,
        calling_ae_title: str,
        limits: Limits,
        tries: Tries = STANDARD,
        *,
        transcode: bool = False,
    ) -> None:
        party = Party.of(name, peer, calling_ae_title)
        self.party = party
        self._lines = [Line(party, helper=number > 0) for number in range(limits.associations)]
        self.pace = Pace(limits.associations)
        self._tries = tries
        self._outboxes: dict[Line, Outbox] = {}
        self._transcoder = Transcoder() if transcode else None

    def begin(self, task_key: str) -> DimseDelivery:
        """Start delivering a study; a PACS has it instance by instance, so the key is of no use to it."""
        del task_key
        return DimseDelivery(self)

    def close(self) -> None:
        """Release the associations."""
        for line in self._lines:
            line.close()

    def send(self, files: Sequence[Ready], account: _Account) -> None:
        """Send the files over as many associations as pay, and note what the peer said of each."""
        parts = [files] if self.pace.is_known else [files[:PROBE], files[PROBE:]]
        for part in parts:
            for batch in _divided(part, MAX_CONTEXTS // (1 if self._transcoder is None else 2)):
                self._send_batch(batch, account)

    def _send_batch(self, files: Sequence[Ready], account: _Account) -> None:
        """Send files that associations have a context for each of."""
        batch = _Batch(files, self._tries, self._outboxes, self._transcoder, account)
        started = time.monotonic()
        associations = Crew(self._lines, self.pace, batch.open, batch.send).run(files)
        seconds = (time.monotonic() - started) * associations
        self.pace.note(associations, len(files), sum(file.size for file in files), seconds)


@dataclass(slots=True)
class _Account:
    """What is known so far of the instances of one study."""

    answers: list[Delivered] = field(default_factory=list[Delivered])
    doubts: Doubts = field(default_factory=Doubts)
    remarks: Counter[str] = field(default_factory=Counter[str])
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, answer: Delivered) -> None:
        """Note an answer of the peer."""
        with self.lock:
            self.answers.append(answer)
            if answer.accepted and answer.message and answer.reason is None:
                self.remarks[answer.message] += 1

    def told(self) -> list[Delivered]:
        """Return the answers that were not returned yet."""
        told, self.answers = self.answers, []
        return told


class DimseDelivery:
    """One study on its way into a server."""

    def __init__(self, destination: DimseDestination) -> None:
        self._destination = destination
        self._account = _Account()
        self._error: NodeError | None = None

    def add(self, files: Sequence[Ready]) -> list[Delivered]:
        """Send the files now; an error that comes after some were answered for is raised by the next call."""
        if self._error is not None:
            raise self._error
        try:
            self._destination.send(files, self._account)
        except NodeError as error:
            if not self._account.answers:
                raise
            self._error = error
        return self._account.told()

    def finish(self) -> list[Delivered]:
        """Send once more what failed, if that was little; all else was answered for when it was sent.

        Where that came last, a file that the server has taken is sent again, too: is it still well?
        """
        if self._error is not None:
            raise self._error
        doubts = self._account.doubts
        again = {file.uid: file for file in doubts.worth_another_try()}
        self._destination.send([*again.values(), *doubts.witness()], self._account)
        return [*(one for one in self._account.told() if one.uid in again), *doubts.settled()]

    def notes(self) -> list[str]:
        """Return what the server said of instances that it took, where that harms none."""
        return [
            f"{self._destination.party} took {count(number, 'instance')} with status {said}"
            for said, number in self._account.remarks.items()
        ]

    def abandon(self) -> None:
        """Do nothing: what a server has accepted stays there."""


class _Batch:
    """Files that go together: what they need is negotiated at once."""

    def __init__(
        self,
        files: Sequence[Ready],
        tries: Tries,
        outboxes: dict[Line, Outbox],
        transcoder: Transcoder | None,
        account: _Account,
    ) -> None:
        self._account = account
        self._transcoder = transcoder
        self._following = {file.uid: after.path for file, after in pairwise(files)}
        pairs = [(file.sop_class_uid, file.transfer_syntax_uid) for file in files]
        self._contexts = store_contexts(pairs, transcode=transcoder is not None)
        self._tries = tries
        self._outboxes = outboxes

    def open(self, line: Line) -> None:
        """Have an association with what the batch needs."""
        line.ready(self._contexts)

    def send(self, line: Line, file: Ready, associations: int) -> None:
        """Send one file; where the association ends without an answer, it is sent once more."""
        del associations
        doubts = self._account.doubts
        tries = replace(self._tries, attempts=1) if doubts.suspects(file) else self._tries
        try:
            answer = retried(lambda: self._send(line, file), tries)
        except DataError as error:
            answer = Delivered(file.uid, accepted=False, reason=error.reason, message=error.message)
        except NodeError as error:
            if line.is_helper:
                raise
            self.open(line)  # raises where the server is gone, which is no instance's fault
            doubts.failed(file, error)
            return
        self._account.note(answer)

    def _send(self, line: Line, file: Ready) -> Delivered:
        assoc = line.ready(self._contexts)
        context_id = assoc.context_of(file.sop_class_uid, file.transfer_syntax_uid)
        if context_id is None:
            return self._send_transcoded(line, assoc, file)
        return self._store(line, assoc, context_id, file)

    def _send_transcoded(self, line: Line, assoc: Association, file: Ready) -> Delivered:
        """Send it uncompressed, where the node allows it and the peer takes that."""
        offered = (assoc.context_of(file.sop_class_uid, syntax) for syntax in UNCOMPRESSED)
        context_id = next((found for found in offered if found is not None), None)
        if self._transcoder is None or context_id is None:
            return _no_context(assoc, file, may_transcode=self._transcoder is not None)
        transfer_syntax_uid = assoc.accepted[context_id][1]
        try:
            with self._transcoder.copy(file, transfer_syntax_uid) as path:
                copy = replace(file, path=path, transfer_syntax_uid=transfer_syntax_uid)
                return self._store(line, assoc, context_id, copy)
        except DataError as error:
            refused = _no_context(assoc, file, may_transcode=True)
            return replace(refused, message=f"{refused.message.rstrip('.')}, and {error.message}.")

    def _store(self, line: Line, assoc: Association, context_id: int, file: Ready) -> Delivered:
        """Send it under the UIDs of its data set, whatever its file meta information says."""
        following = self._following.get(file.uid)
        status = c_store(assoc, self._outbox(line, assoc), context_id, file, following)
        self._account.doubts.answered(file)
        return _answer(file, status)

    def _outbox(self, line: Line, assoc: Association) -> Outbox:
        outbox = self._outboxes.get(line)
        if outbox is None or outbox.max_length != assoc.max_length:
            outbox = self._outboxes[line] = Outbox(assoc.max_length)
        return outbox


def _divided(files: Sequence[Ready], most: int) -> Iterator[Sequence[Ready]]:
    """Yield the files in parts that have at most so many kinds of objects in transfer syntaxes."""
    kinds: dict[tuple[str, str], list[Ready]] = {}
    for file in files:
        kinds.setdefault((file.sop_class_uid, file.transfer_syntax_uid), []).append(file)
    if 0 < len(kinds) <= most:
        yield files
        return
    groups = list(kinds.values())
    for start in range(0, len(groups), most):
        yield [file for group in groups[start : start + most] for file in group]


def _no_context(assoc: Association, file: Ready, *, may_transcode: bool) -> Delivered:
    what = f"{uid_name(file.sop_class_uid)} in {uid_name(file.transfer_syntax_uid)}"
    said = f"{assoc.party} does not accept {what}."
    if not may_transcode and file.transfer_syntax_uid != IMPLICIT:
        other = f"in {uid_name(IMPLICIT)}" if file.transfer_syntax_uid == EXPLICIT else "uncompressed"
        said += f" With `transcode: allow` on the node it is sent {other}, if that is accepted."
    return Delivered(file.uid, accepted=False, reason=Reason.NO_CONTEXT, message=said)


def _answer(file: Ready, status: int) -> Delivered:
    if status == SUCCESS:
        return Delivered(file.uid, accepted=True)
    if status in _WARNINGS or status == ALREADY_THERE:
        reason = Reason.REJECTED if status in _LOSSES else None
        return Delivered(file.uid, accepted=True, reason=reason, message=status_words(status))
    return Delivered(file.uid, accepted=False, reason=status_reason(status), message=status_words(status))

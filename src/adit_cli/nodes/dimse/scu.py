"""The requests we make over an open association: C-ECHO, C-FIND, C-MOVE and C-STORE (PS3.7 §9.1, PS3.4)."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from pathlib import Path

from adit_cli.dicom.attributes import decode_attributes
from adit_cli.dicom.query import Attributes
from adit_cli.errors import CutShortError, DataError, NodeError, Reason, TransientNodeError
from adit_cli.nodes.base import Ready
from adit_cli.nodes.dimse.association import Association
from adit_cli.nodes.dimse.contexts import VERIFICATION
from adit_cli.nodes.dimse.messages import (
    C_ECHO_RQ,
    C_FIND_RQ,
    C_MOVE_RQ,
    C_STORE_RQ,
    CANCEL,
    MEDIUM_PRIORITY,
    RESPONSE,
    SUCCESS,
    WITH_DATASET,
    Command,
    Message,
)
from adit_cli.nodes.dimse.outgoing import Outbox
from adit_cli.nodes.dimse.reasons import status_words
from adit_cli.nodes.dimse.userinfo import PduError

MOST_ANSWERS = 2_000_000
_OUT_OF_RESOURCES = range(0xA700, 0xA800)
_POLL = 0.02


@dataclass(frozen=True, slots=True)
class SubOperations:
    """What the peer says of a C-GET or C-MOVE at its end; an absent counter is None, not zero."""

    status: int
    completed: int | None = None
    failed: int | None = None
    warning: int | None = None
    failed_uids: tuple[str, ...] = ()


class Patience:
    """Ends a request whose responses go on without any progress: Pending is not a sign of life."""

    def __init__(self, assoc: Association) -> None:
        self._assoc = assoc
        self._seen: object = None
        self._began = self._since = time.monotonic()

    def progress(self) -> None:
        """Note that something came."""
        self._since = time.monotonic()

    def look_at(self, command: Command) -> None:
        """Note a response; counters that change are progress."""
        counters = (command.remaining, command.completed, command.failed, command.warning)
        if counters != self._seen:
            self._seen = counters
            self.progress()
        else:
            self.check()

    def check(self) -> None:
        """Raise TransientNodeError where the peer has taken too long."""
        now, limits = time.monotonic(), self._assoc.party.timeouts
        if now - self._since > limits.dimse:
            self._give_up(f"said nothing but Pending and sent nothing for {limits.dimse:g} s")
        if limits.total is not None and now - self._began > limits.total:
            self._give_up(f"was not done within {limits.total:g} s, the total time that its node allows")

    def _give_up(self, why: str) -> None:
        self._assoc.abort()
        raise TransientNodeError(f"{self._assoc.party} {why}.", reason=Reason.TIMEOUT)


def needed_context(assoc: Association, abstract_syntax: str, what: str) -> int:
    """Return the accepted context for a service; NodeError where the peer does not offer it."""
    context_id = assoc.context_of(abstract_syntax)
    if context_id is None:
        raise NodeError(
            f"{assoc.party} does not offer {what}.",
            hint=f"Its administrator must allow {what} for AE title {assoc.party.calling}.",
            reason=Reason.NO_CONTEXT,
        )
    return context_id


def expect(assoc: Association, message: Message, field: int) -> Command:
    """Return the response of a request; anything else breaks the protocol.

    So does one to an earlier request: what it says would be taken for the fate of another image.
    """
    command = message.command
    if command.field != field | RESPONSE or command.status is None:
        with assoc.naming("a response"):
            raise PduError(f"message {command.field:04X}H came where {field | RESPONSE:04X}H was due")
    if command.responded_to not in {None, assoc.message_id}:
        with assoc.naming("a response"):
            raise PduError(
                f"it answers message {command.responded_to}, and was asked message {assoc.message_id}"
            )
    return command


def failure(assoc: Association, what: str, status: int) -> NodeError:
    """Return the error for a request that ended with this status."""
    kind = TransientNodeError if status in _OUT_OF_RESOURCES else NodeError
    return kind(f"{assoc.party} refused {what} ({status_words(status)}).", reason=Reason.REFUSED)


def c_echo(assoc: Association) -> None:
    """Ask whether the peer is there (PS3.4 §A)."""
    context_id = needed_context(assoc, VERIFICATION, "C-ECHO")
    assoc.send(context_id, Command(C_ECHO_RQ, assoc.begin(), sop_class_uid=VERIFICATION))
    status = expect(assoc, assoc.receive(), C_ECHO_RQ).status
    if status != SUCCESS:
        raise failure(assoc, "C-ECHO", status or 0)


def c_find(assoc: Association, model: str, identifier: bytes) -> list[Attributes]:
    """Return the answers to a query (PS3.4 §C.4.1); the model is the root's FIND SOP class."""
    return list(c_find_each(assoc, model, identifier))


def c_find_each(assoc: Association, model: str, identifier: bytes) -> Generator[Attributes]:
    """Yield the answers as they come; whoever wants no more of them closes it, which ends the association.

    A C-CANCEL (PS3.4 §C.4.1.3.2) would have to be waited for, and some archives are deaf to it for long.
    """
    context_id = needed_context(assoc, model, "C-FIND")
    transfer_syntax = assoc.accepted[context_id][1]
    _request(assoc, context_id, Command(C_FIND_RQ, assoc.begin(), sop_class_uid=model), identifier)
    status = yield from _pending_answers(assoc, transfer_syntax)
    if status == CANCEL:  # nobody asked for that: Orthanc says so at its LimitFindResults
        raise CutShortError(
            f"{assoc.party} ended its answer early ({status_words(status)}): it has more than it lists.",
            hint="Narrow the query.",
        )
    if status != SUCCESS:
        raise failure(assoc, "C-FIND", status)


def _pending_answers(assoc: Association, transfer_syntax: str) -> Generator[Attributes, None, int]:
    patience = Patience(assoc)
    number = 0
    try:
        while (command := expect(assoc, message := assoc.receive(), C_FIND_RQ)).is_pending:
            if not message.dataset:
                patience.look_at(command)
                continue
            patience.progress()
            number += 1
            _check_number(assoc, number)
            yield decode_attributes(message.dataset, transfer_syntax)
    except BaseException:
        assoc.abort()
        raise
    return command.status or SUCCESS


def _check_number(assoc: Association, number: int) -> None:
    if number > MOST_ANSWERS:
        raise NodeError(f"{assoc.party} sent more than {MOST_ANSWERS} answers.", hint="Narrow the query.")


def _nothing_else() -> bool:
    return False


def c_move(
    assoc: Association,
    model: str,
    identifier: bytes,
    destination: str,
    meanwhile: Callable[[], bool] = _nothing_else,
) -> SubOperations:
    """Have a study sent to an AE title (PS3.4 §C.4.2) and return what the peer says of it.

    `meanwhile` is called again and again, and returns whether anything has come: some archives are
    silent here until all is sent.
    """
    context_id = needed_context(assoc, model, "C-MOVE")
    command = Command(C_MOVE_RQ, assoc.begin(), sop_class_uid=model, move_destination=destination)
    _request(assoc, context_id, command, identifier)
    patience = Patience(assoc)
    try:
        while True:
            _await(assoc, patience, meanwhile)
            message = assoc.receive()
            response = expect(assoc, message, C_MOVE_RQ)
            if not response.is_pending:
                return told(assoc, message)
            patience.look_at(response)
    except BaseException:
        assoc.abort()
        raise


def _await(assoc: Association, patience: Patience, meanwhile: Callable[[], bool]) -> None:
    while assoc.is_silent(_POLL):
        if meanwhile():
            patience.progress()
        patience.check()


def c_store(
    assoc: Association, outbox: Outbox, context_id: int, file: Ready, following: Path | None = None
) -> int:
    """Send one file as it is and return the status (PS3.4 §B.2.3).

    The `following` is read while the peer works on this one.
    """
    loaded = outbox.load(file.path)
    command = Command(
        C_STORE_RQ,
        assoc.begin(),
        sop_class_uid=file.sop_class_uid,
        sop_instance_uid=file.uid,
        dataset_type=WITH_DATASET,
        priority=MEDIUM_PRIORITY,
    )
    with assoc.naming("a C-STORE"):
        outbox.send(assoc.channel.wire, context_id, command, loaded)
    if following is not None:
        outbox.load_next(following)
    return expect(assoc, assoc.receive(), C_STORE_RQ).status or SUCCESS


def told(assoc: Association, message: Message) -> SubOperations:
    """Return what a final response says; its list of failed instances is optional (PS3.4 §C.4.3.1.3)."""
    command = message.command
    transfer_syntax = assoc.accepted[message.context_id][1]
    try:
        failed = decode_attributes(message.dataset, transfer_syntax).get("FailedSOPInstanceUIDList", "")
    except DataError:
        failed = ""
    return SubOperations(
        command.status or SUCCESS,
        command.completed,
        command.failed,
        command.warning,
        tuple(uid for uid in failed.split("\\") if uid),
    )


def _request(assoc: Association, context_id: int, command: Command, identifier: bytes) -> None:
    assoc.send(context_id, with_identifier(command), identifier)


def with_identifier(command: Command) -> Command:
    """Return the request as one that carries an identifier, with the usual priority."""
    return replace(command, dataset_type=WITH_DATASET, priority=MEDIUM_PRIORITY)

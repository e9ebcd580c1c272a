"""An association as its requestor holds it: one thread, one socket, one request at a time (PS3.8 §7).

Every way in which it can end badly is an error that names the node; after one it is closed.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType
from typing import Self

from adit_cli.dicom.files import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from adit_cli.errors import NodeError, Reason, TransientNodeError
from adit_cli.jobfile.node import Identity
from adit_cli.nodes.dimse import pdu
from adit_cli.nodes.dimse.channel import SHORTEST_LENGTH, Channel, Ended
from adit_cli.nodes.dimse.contexts import query_extensions
from adit_cli.nodes.dimse.messages import Command, Message
from adit_cli.nodes.dimse.party import Party, connect, tls_failure, wants_tls
from adit_cli.nodes.dimse.reasons import abortion, rejection
from adit_cli.nodes.dimse.userinfo import PduError, Role, SpeaksTlsError, UserIdentity, UserInformation
from adit_cli.nodes.dimse.wire import Sink, Wire

OURSELVES = UserInformation(1 << 20, IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME)
OpenSink = Callable[[int, Command], Sink]
logger = logging.getLogger(__name__)


class Association:
    """An open association. A context manager: released at the end, aborted where the block fails."""

    def __init__(self, party: Party, wire: Wire, request: pdu.AssociateRequest) -> None:
        self.party = party
        self.request = request
        self.accepted: dict[int, tuple[str, str]] = {}
        """Abstract and transfer syntax by context identifier."""
        self.peer = UserInformation()
        self.is_open = True
        self.round_trip = math.inf
        """Seconds in which the peer answered the association request: how far away it is, at most."""
        self._channel = Channel(wire)
        self.message_id = 0
        """Of the request that was made last."""

    @classmethod
    def connect(cls, party: Party, contexts: Sequence[pdu.Proposed], roles: Sequence[Role] = ()) -> Self:
        """Connect, and negotiate nothing yet."""
        syntaxes = [(one.abstract_syntax, one.transfer_syntaxes) for one in contexts]
        identity = None if party.identity is None else _identity(party.identity)
        extended = query_extensions(syntaxes)
        user = replace(OURSELVES, roles=tuple(roles), identity=identity, extended=extended)
        request = pdu.AssociateRequest(party.called, party.calling, tuple(contexts), user)
        return cls(party, connect(party), request)

    @classmethod
    def open(cls, party: Party, contexts: Sequence[pdu.Proposed], roles: Sequence[Role] = ()) -> Self:
        """Connect and negotiate; NodeError where the peer refuses, TransientNodeError where it fails."""
        assoc = cls.connect(party, contexts, roles)
        assoc.negotiate(suspect_tls=True)
        return assoc

    def negotiate(self, *, suspect_tls: bool = False) -> None:
        """Send the association request and take the answer (PS3.8 §7.1.1).

        With `suspect_tls`, a server that hangs up without a word is tried with a TLS handshake: most
        of those that want it say nothing to plain DICOM.
        """
        with self.naming("the association request"):
            sent = time.monotonic()
            self._channel.wire.send(self.request.encode())
            self._first_word(suspect_tls=suspect_tls)
            self._negotiate()
            self.round_trip = time.monotonic() - sent

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.release()
        else:
            self.abort()

    @property
    def max_length(self) -> int:
        """How long a P-DATA value may be that we send; 0 is no limit."""
        return self.peer.max_length

    @property
    def channel(self) -> Channel:
        """The PDUs below, for those who send files."""
        return self._channel

    def context_of(self, abstract_syntax: str, transfer_syntax: str = "") -> int | None:
        """Return an accepted presentation context, of this transfer syntax where one is given."""
        for context_id, (abstract, transfer) in self.accepted.items():
            if abstract == abstract_syntax and transfer_syntax in {"", transfer}:
                return context_id
        return None

    def is_relational(self, model: str) -> bool:
        """Return whether the peer answers queries of this model without the keys above (PS3.4 §C.5.1.1)."""
        return any(uid == model and content[:1] == b"\1" for uid, content in self.peer.extended)

    def begin(self) -> int:
        """Start a request: its timeouts begin to run. Return its message identifier."""
        self.message_id = self.message_id % 0xFFFF + 1
        self._channel.wire.allow(self.party.timeouts.dimse, self.party.timeouts.total)
        return self.message_id

    def send(self, context_id: int, command: Command, dataset: bytes = b"") -> None:
        """Send a message whose data set, if any, is small."""
        with self.naming("a request"):
            self._channel.send(context_id, command, dataset, self.max_length)

    def receive(self, open_sink: OpenSink | None = None) -> Message:
        """Return the next message; its data set goes where `open_sink` says, or into memory."""
        with self.naming("an answer"):
            return self._channel.receive(open_sink)

    def own_address(self) -> str:
        """Return the address from which we speak with the peer."""
        return str(self._channel.wire.sock.getsockname()[0])

    def is_silent(self, seconds: float) -> bool:
        """Return whether the peer says nothing for so long."""
        return self._channel.wire.quiet(seconds)

    def is_usable(self) -> bool:
        """Return whether another request can be made; closes it where the peer has ended it meanwhile."""
        if self.is_open and not self._channel.wire.quiet():
            self._end_politely()
        return self.is_open

    def release(self) -> None:
        """End the association in order; one that the peer no longer answers is just closed."""
        if not self.is_open:
            return
        try:
            self._channel.wire.allow(self.party.timeouts.acse, self.party.timeouts.acse)
            self._channel.release()
        except (OSError, PduError, Ended):
            self._channel.abort()
        self._close()

    def abort(self) -> None:
        """Break off."""
        if self.is_open:
            self._channel.abort()
            self._close()

    def interrupt(self) -> None:
        """Make the thread that waits for the peer stop waiting; to be called from another one."""
        self._channel.wire.interrupt()

    @contextmanager
    def naming(self, doing: str) -> Generator[None]:
        """Turn what can go wrong on the wire into an error that names the node; close after any error."""
        try:
            yield
        except Ended as error:
            self._close()
            raise self._ended(error, doing) from error
        except TimeoutError as error:
            self.abort()
            raise TransientNodeError(f"{self.party} let {doing} time out.", reason=Reason.TIMEOUT) from error
        except OSError as error:
            raise self._broken(error, doing) from error
        except PduError as error:
            self.abort()
            raise _foreign(self.party, error) from error
        except BaseException:
            self.abort()
            raise

    def _ended(self, error: Ended, doing: str) -> NodeError:
        match error.pdu:
            case pdu.AssociateReject() as reject:
                return rejection(reject, self.party)
            case pdu.Abort() as abort:
                return abortion(abort, str(self.party))
            case _:
                return TransientNodeError(f"{self.party} ended the association while we were at {doing}.")

    def _broken(self, error: OSError, doing: str) -> NodeError:
        """Return the error for a dead connection; an abort that came before it says more."""
        failure = tls_failure(self.party, error) if self.party.tls is not None else None
        if failure is not None:
            self._close()
            return failure
        try:
            if not self._channel.wire.quiet():
                self._channel.wire.allow(1)
                return self._ended(Ended(self._channel.control()), doing)
        except (OSError, PduError):
            logger.debug("%s left no abort before it broke off", self.party)
        finally:
            self._close()
        why = error.strerror or str(error)
        return TransientNodeError(f"{self.party} broke off while we were at {doing}: {why}.")

    def _negotiate(self) -> None:
        answer = self._channel.control()
        if not isinstance(answer, pdu.AssociateAccept):
            raise Ended(answer)
        asked = {one.context_id: one for one in self.request.contexts}
        self.peer = answer.user
        if 0 < self.max_length < SHORTEST_LENGTH:
            raise PduError(f"it wants PDUs of {self.max_length} bytes")
        self.accepted = {
            one.context_id: (asked[one.context_id].abstract_syntax, one.transfer_syntax)
            for one in answer.contexts
            if one.result == pdu.ACCEPTED and one.context_id in asked
        }

    def _first_word(self, *, suspect_tls: bool) -> None:
        try:
            self._channel.check_protocol()
        except ConnectionError:
            if suspect_tls and self.party.tls is None and wants_tls(self.party):
                raise SpeaksTlsError from None
            raise

    def _end_politely(self) -> None:
        """Answer a release request that came while nothing was asked; anything else just ends it."""
        try:
            self._channel.answer_release()
        except (OSError, PduError, Ended):
            self._channel.abort()
        self._close()

    def _close(self) -> None:
        self.is_open = False
        self._channel.wire.close()


def _foreign(party: Party, error: PduError) -> NodeError:
    """Return the error for a peer that does not speak DICOM, or not as it should."""
    if isinstance(error, SpeaksTlsError):
        return NodeError(f"{party} {str(error).removeprefix('it ')}.", hint=error.hint)
    return NodeError(f"{party} does not keep to the DICOM protocol: {error}.")


def _identity(spec: Identity) -> UserIdentity:
    """Return who we are; the peer is asked to confirm it, since one that ignores it says nothing."""
    name = spec.username.encode()
    if spec.password is None:
        return UserIdentity(1, name, answer_wanted=True)
    return UserIdentity(2, name, spec.password.get_secret_value().encode(), answer_wanted=True)

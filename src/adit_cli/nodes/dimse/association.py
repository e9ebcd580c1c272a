"""An association as its requestor holds it: one thread, one socket, one request at a time (PS3.8 §7).

Every way in which it can end badly is an error that names the node; after one it is closed.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from adit_cli.dicom.files import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from adit_cli.errors import NodeError, Reason, TransientNodeError
from adit_cli.jobfile.node import DimsePeer, Timeouts
from adit_cli.nodes.dimse import pdu
from adit_cli.nodes.dimse.channel import SHORTEST_LENGTH, Channel, Ended
from adit_cli.nodes.dimse.messages import Command, Message
from adit_cli.nodes.dimse.reasons import abortion, rejection
from adit_cli.nodes.dimse.userinfo import PduError, Role, UserInformation
from adit_cli.nodes.dimse.wire import Sink, Wire

OURSELVES = UserInformation(1 << 20, IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME)
OpenSink = Callable[[int, Command], Sink]
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Party:
    """Whom we speak with, and as whom."""

    name: str
    called: str
    calling: str
    host: str
    port: int
    timeouts: Timeouts

    @classmethod
    def of(cls, name: str, peer: DimsePeer, calling_ae_title: str) -> Party:
        """Return the party for a node of the job file; the node's own calling AE title wins."""
        calling = peer.calling_ae_title or calling_ae_title
        return cls(name, peer.ae_title, calling, peer.host, peer.port, peer.timeouts)

    def __str__(self) -> str:
        address = f"{self.called}@{self.host}:{self.port}"
        return address if self.name in {"", address} else f"{self.name} ({address})"


class Association:
    """An open association. A context manager: released at the end, aborted where the block fails."""

    def __init__(self, party: Party, wire: Wire, request: pdu.AssociateRequest) -> None:
        self.party = party
        self.request = request
        self.accepted: dict[int, tuple[str, str]] = {}
        """Abstract and transfer syntax by context identifier."""
        self.peer = UserInformation()
        self.is_open = True
        self._channel = Channel(wire)
        self._message_id = 0

    @classmethod
    def connect(cls, party: Party, contexts: Sequence[pdu.Proposed], roles: Sequence[Role] = ()) -> Self:
        """Connect, and negotiate nothing yet."""
        user = replace(OURSELVES, roles=tuple(roles))
        request = pdu.AssociateRequest(party.called, party.calling, tuple(contexts), user)
        return cls(party, Wire(_connect(party), party.timeouts.acse), request)

    @classmethod
    def open(cls, party: Party, contexts: Sequence[pdu.Proposed], roles: Sequence[Role] = ()) -> Self:
        """Connect and negotiate; NodeError where the peer refuses, TransientNodeError where it fails."""
        assoc = cls.connect(party, contexts, roles)
        assoc.negotiate()
        return assoc

    def negotiate(self) -> None:
        """Send the association request and take the answer (PS3.8 §7.1.1)."""
        with self.naming("the association request"):
            self._negotiate()

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

    def begin(self) -> int:
        """Start a request: its timeouts begin to run. Return its message identifier."""
        self._message_id = self._message_id % 0xFFFF + 1
        self._channel.wire.allow(self.party.timeouts.dimse, self.party.timeouts.total)
        return self._message_id

    def send(self, context_id: int, command: Command, dataset: bytes = b"") -> None:
        """Send a message whose data set, if any, is small."""
        with self.naming("a request"):
            self._channel.send(context_id, command, dataset, self.max_length)

    def receive(self, open_sink: OpenSink | None = None) -> Message:
        """Return the next message; its data set goes where `open_sink` says, or into memory."""
        with self.naming("an answer"):
            return self._channel.receive(open_sink)

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
            raise NodeError(f"{self.party} does not keep to the DICOM protocol: {error}.") from error
        except BaseException:
            self.abort()
            raise

    def _ended(self, error: Ended, doing: str) -> NodeError:
        match error.pdu:
            case pdu.AssociateReject() as reject:
                return rejection(reject, str(self.party), self.party.calling, self.party.called)
            case pdu.Abort() as abort:
                return abortion(abort, str(self.party))
            case _:
                return TransientNodeError(f"{self.party} ended the association while we were at {doing}.")

    def _broken(self, error: OSError, doing: str) -> NodeError:
        """Return the error for a dead connection; an abort that came before it says more."""
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
        wire = self._channel.wire
        wire.send(self.request.encode())
        self._channel.check_protocol()
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


def _connect(party: Party) -> socket.socket:
    try:
        return socket.create_connection((party.host, party.port), timeout=party.timeouts.connect)
    except TimeoutError as error:
        raise TransientNodeError(
            f"{party} did not answer within {party.timeouts.connect:g} s.",
            hint="Check host and port, and whether a firewall drops the packets.",
        ) from error
    except socket.gaierror as error:
        raise TransientNodeError(f"{party}: the host name is unknown ({error.strerror}).") from error
    except OSError as error:
        raise TransientNodeError(f"{party} cannot be reached: {error.strerror or error}.") from error

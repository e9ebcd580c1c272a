"""A DIMSE peer that does exactly what a test says, for all that no real peer does on demand."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

from adit_cli.jobfile.node import DimsePeer, Timeouts
from adit_cli.nodes.dimse import pdu
from adit_cli.nodes.dimse.channel import Channel, Ended
from adit_cli.nodes.dimse.messages import (
    C_STORE_RQ,
    WITH_DATASET,
    Command,
    Message,
)
from adit_cli.nodes.dimse.userinfo import UserInformation
from adit_cli.nodes.dimse.wire import Wire
from tests.support.process import LOOPBACK

QUICK = Timeouts(connect=30, acse=30, dimse=30)
SECONDS = 60.0


class Talk:
    """One association, as the peer's side of it."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.channel = Channel(Wire(sock, SECONDS))
        self.contexts: dict[int, pdu.Proposed] = {}
        self.user = UserInformation()

    def accept(
        self, *, max_length: int = 16384, refuse: Callable[[pdu.Proposed], bool] = lambda _: False
    ) -> None:
        """Read the request and accept it: each context in its first transfer syntax, or none."""
        request = self.channel.control()
        assert isinstance(request, pdu.AssociateRequest)
        self.contexts = {one.context_id: one for one in request.contexts}
        self.user = request.user
        answered = tuple(
            pdu.Answered(one.context_id, 3 if refuse(one) else 0, one.transfer_syntaxes[0])
            for one in request.contexts
        )
        user = UserInformation(max_length, "1.2.3", "SCRIPTED", roles=request.user.roles)
        self.send_pdu(pdu.AssociateAccept(request.called, request.calling, answered, user))

    def send_pdu(self, value: pdu.ControlPdu) -> None:
        """Send a PDU other than P-DATA."""
        self.sock.sendall(value.encode())

    def read(self) -> Message:
        """Return the next message."""
        return self.channel.receive()

    def say(self, context_id: int, command: Command, dataset: bytes = b"") -> None:
        """Send a message; with a data set, the command says so."""
        if dataset:
            command = replace(command, dataset_type=WITH_DATASET)
        self.channel.send(context_id, command, dataset, 16384)

    def context_for(self, sop_class_uid: str) -> int:
        """Return the first context proposed for a SOP class."""
        return next(number for number, one in self.contexts.items() if one.abstract_syntax == sop_class_uid)

    def answer(self, request: Message, status: int, dataset: bytes = b"", **counters: int) -> None:
        """Send a response, with sub-operation counters if given."""
        response = replace(request.command.response(status), **counters)
        self.say(request.context_id, response, dataset)

    def store(self, sop_class_uid: str, uid: str, dataset: bytes) -> int | None:
        """Store an instance to the requestor of a C-GET and return its status."""
        command = Command(C_STORE_RQ, 1, sop_class_uid=sop_class_uid, sop_instance_uid=uid, priority=0)
        self.say(self.context_for(sop_class_uid), command, dataset)
        return self.read().command.status

    def until_released(self) -> None:
        """Wait for the end that the requestor makes, and answer it."""
        with suppress(Ended):
            self.read()
        self.send_pdu(pdu.ReleaseReply())


Script = Callable[[Talk], None]


@dataclass(slots=True)
class ScriptedPeer:
    """A listening peer; `errors` holds what went wrong on its side."""

    port: int
    talks: list[Talk] = field(default_factory=list[Talk])
    errors: list[BaseException] = field(default_factory=list[BaseException])

    def as_node(self, timeouts: Timeouts = QUICK) -> DimsePeer:
        """Return it as a job file names it."""
        return DimsePeer(ae_title="SCRIPTED", host=LOOPBACK, port=self.port, timeouts=timeouts)


@contextmanager
def scripted_peer(*scripts: Script) -> Generator[ScriptedPeer]:
    """Run one script for each connection, the last also for all that follow; their errors fail a test."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        peer = ScriptedPeer(listener.getsockname()[1])
        server = threading.Thread(target=_serve, args=(listener, peer, scripts), daemon=True)
        server.start()
        try:
            yield peer
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            server.join(SECONDS)
    assert peer.errors == []


def _serve(listener: socket.socket, peer: ScriptedPeer, scripts: tuple[Script, ...]) -> None:
    running: list[threading.Thread] = []
    while True:
        try:
            sock, _ = listener.accept()
        except OSError:
            break
        script = scripts[min(len(running), len(scripts) - 1)]
        running.append(threading.Thread(target=_run, args=(Talk(sock), script, peer), daemon=True))
        running[-1].start()
    for thread in running:
        thread.join(SECONDS)


def _run(talk: Talk, script: Script, peer: ScriptedPeer) -> None:
    peer.talks.append(talk)
    try:
        script(talk)
    except (Ended, ConnectionError):
        return
    except BaseException as error:  # noqa: BLE001 - the test looks at it
        peer.errors.append(error)
    finally:
        talk.sock.close()

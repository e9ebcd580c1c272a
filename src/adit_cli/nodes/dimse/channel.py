"""PDUs and messages over a wire, the same for requestor and acceptor (PS3.8 §9, PS3.7 §6.3, PS3.8 §E)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TypeAlias

from adit_cli.nodes.dimse import pdu
from adit_cli.nodes.dimse.messages import Command, Message, decode_command, encode_command
from adit_cli.nodes.dimse.userinfo import PduError, SpeaksTlsError
from adit_cli.nodes.dimse.wire import PDU_HEAD, PDV_HEAD, Memory, Sink, Wire

OpenSink: TypeAlias = Callable[[int, Command], Sink]
IS_COMMAND, IS_LAST = 1, 2
LONGEST_CONTROL = 1 << 20
LONGEST_COMMAND = 1 << 16
LONGEST_IDENTIFIER = 1 << 24
UNLIMITED = 1 << 20
SHORTEST_LENGTH = 14
_TLS_RECORDS = (0x14, 0x15, 0x16)
_CONTROL_KINDS = frozenset((*range(1, 4), *range(5, 8)))


class Ended(Exception):  # noqa: N818 - it may also be the proper end
    """Another PDU than P-DATA came: the association is over, or about to be."""

    def __init__(self, received: pdu.ControlPdu) -> None:
        super().__init__(type(received).__name__)
        self.pdu = received


class Channel:
    """Messages in both directions over one wire."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self._left = 0
        """What is still to come of the P-DATA that is being read: it may hold PDVs of two messages."""

    def send(self, context_id: int, command: Command, dataset: bytes, max_length: int) -> None:
        """Send a whole message with one write."""
        raw = encode_command(command)
        step = longest_fragment(max_length)
        parts = _fragments(context_id, IS_COMMAND, raw, step)
        if command.has_dataset:
            parts += _fragments(context_id, 0, dataset, step)
        self.wire.send(b"".join(parts))

    def receive(self, open_sink: OpenSink | None = None) -> Message:
        """Return the next message; Ended where another PDU comes instead.

        The data set goes into the sink that `open_sink` gives, otherwise into the message. The sink's last
        parts are flushed by whoever ends it, or before anything else is read: an answer can go first.
        """
        context_id, command = self._command()
        if not command.has_dataset:
            return Message(context_id, command)
        memory = Memory(LONGEST_IDENTIFIER)
        self._dataset(context_id, open_sink(context_id, command) if open_sink else memory)
        return Message(context_id, command, bytes(memory.value))

    def control(self) -> pdu.ControlPdu:
        """Return the next PDU, which is not P-DATA."""
        kind, length = self.wire.pdu_head()
        return self._control_body(kind, length)

    def check_protocol(self) -> None:
        """Say so where the first bytes of the peer are those of another protocol."""
        first = self.wire.first_bytes()
        if first[0] in _TLS_RECORDS and first[1:2] == b"\x03":
            raise SpeaksTlsError
        if first[:3].isalpha():
            raise PduError("it answers like a web or mail server, so this may not be its DICOM port")
        if first[0] not in _CONTROL_KINDS:
            raise PduError(f"its answer begins with {first[0]:02X}H, which is no PDU")

    def release(self) -> None:
        """Release the association; what still comes is passed over, a collision is answered (PS3.8 §9.2)."""
        self.wire.send(pdu.ReleaseRequest().encode())
        while True:
            kind, length = self.wire.pdu_head()
            if kind == pdu.P_DATA:
                self.wire.pour(length, Memory(LONGEST_IDENTIFIER))
                self.wire.drained()
                continue
            received = self._control_body(kind, length)
            if isinstance(received, pdu.ReleaseReply):
                return
            if not isinstance(received, pdu.ReleaseRequest):
                raise Ended(received)
            self.wire.send(pdu.ReleaseReply().encode())

    def answer_release(self) -> None:
        """Answer the release request that comes next; Ended where it is something else."""
        received = self.control()
        if not isinstance(received, pdu.ReleaseRequest):
            raise Ended(received)
        self.wire.send(pdu.ReleaseReply().encode())

    def abort(self, source: int = 0, reason: int = 0) -> None:
        """Send an abort, as far as the peer still takes it."""
        with contextlib.suppress(OSError):
            self.wire.allow(1)
            self.wire.send(pdu.Abort(source, reason).encode())

    def _command(self) -> tuple[int, Command]:
        memory = Memory(LONGEST_COMMAND)
        first: int | None = None
        while True:
            length, context_id, flags = self._next_fragment()
            if not flags & IS_COMMAND or context_id != (context_id if first is None else first):
                raise PduError("a data set fragment came where a command was due")
            first = context_id
            self.wire.pour(length, memory)
            if flags & IS_LAST:
                return context_id, decode_command(bytes(memory.value))

    def _dataset(self, expected: int, sink: Sink) -> None:
        while True:
            length, context_id, flags = self._next_fragment()
            if flags & IS_COMMAND or context_id != expected:
                raise PduError("a command fragment came where a data set was due")
            self.wire.pour(length, sink)
            if flags & IS_LAST:
                return

    def _next_fragment(self) -> tuple[int, int, int]:
        """Return length, context and flags of the next PDV, from this P-DATA or the next one."""
        heads = None if self._left else self.wire.both_heads(pdu.P_DATA)
        if heads is not None:
            self._left, length, context_id, flags = heads
        else:
            length, context_id, flags = self._pdv_head()
        if not 2 <= length <= self._left - 4:  # noqa: PLR2004 - context identifier and control header
            raise PduError(f"a PDV claims a length of {length} bytes, which its P-DATA does not have")
        self._left -= length + 4
        return length - 2, context_id, flags

    def _pdv_head(self) -> tuple[int, int, int]:
        while not self._left:
            kind, self._left = self.wire.pdu_head()
            if kind != pdu.P_DATA:
                length, self._left = self._left, 0
                raise Ended(self._control_body(kind, length))
        if self._left < PDV_HEAD.size:
            raise PduError("a P-DATA ends inside the header of a PDV")
        return self.wire.pdv_head()

    def _control_body(self, kind: int, length: int) -> pdu.ControlPdu:
        if kind not in _CONTROL_KINDS:
            raise PduError(f"PDU type {kind:02X} is unknown")
        if length > LONGEST_CONTROL:
            raise PduError(f"a PDU of type {kind:02X} claims a length of {length} bytes")
        memory = Memory(LONGEST_CONTROL)
        self.wire.pour(length, memory)
        self.wire.drained()
        return pdu.decode_control(kind, bytes(memory.value))


def longest_fragment(max_length: int) -> int:
    """Return how many bytes one fragment may have, an even number (PS3.8 §E.1); 0 stands for no limit."""
    return ((max_length or UNLIMITED) - PDV_HEAD.size) & ~1


def _fragments(context_id: int, flags: int, value: bytes, step: int) -> list[bytes]:
    parts: list[bytes] = []
    for start in range(0, max(len(value), 1), step):
        fragment = value[start : start + step]
        last = IS_LAST if start + step >= len(value) else 0
        parts += (
            PDU_HEAD.pack(pdu.P_DATA, len(fragment) + 6),
            PDV_HEAD.pack(len(fragment) + 2, context_id, flags | last),
        )
        parts.append(fragment)
    return parts

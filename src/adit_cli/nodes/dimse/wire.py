"""A socket as DIMSE needs it: no Nagle, large buffers, whole PDU headers, values that stream through.

Values go from one receive buffer to where they belong; a length that a peer claims never takes memory.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import time
from typing import Protocol

from adit_cli.nodes.dimse.userinfo import PduError

RECEIVE_BUFFER = 1 << 18
SOCKET_BUFFER = 4 << 20
PDU_HEAD = struct.Struct(">BxI")
PDV_HEAD = struct.Struct(">IBB")
_BOTH_HEADS = struct.Struct(">BxIIBB")


class Sink(Protocol):
    """Where a value goes."""

    def take(self, part: memoryview) -> None:
        """Note a part of the value; it is valid until `flush`."""
        ...

    def flush(self) -> None:
        """Be done with the parts noted so far."""
        ...


class Memory:
    """A sink for values that stay small; PduError when one does not."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.value = bytearray()

    def take(self, part: memoryview) -> None:
        """Keep a copy."""
        if len(self.value) + len(part) > self.limit:
            raise PduError(f"a value is longer than {self.limit} bytes")
        self.value += part

    def flush(self) -> None:
        """Do nothing; all is kept already."""


class Discard:
    """A sink for what nobody wants."""

    def take(self, part: memoryview) -> None:
        """Do nothing."""

    def flush(self) -> None:
        """Do nothing."""


class Wire:
    """One connected socket with its receive buffer. Errors are those of sockets: OSError, TimeoutError."""

    def __init__(self, sock: socket.socket, silence: float) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, SOCKET_BUFFER)
        sock.settimeout(silence)
        self.sock = sock
        self._deadline: float | None = None
        self._silence = silence
        self._buffer = memoryview(bytearray(RECEIVE_BUFFER))
        self._start: int = 0
        self._end: int = 0
        self._sink: Sink | None = None

    def allow(self, silence: float, total: float | None = None) -> None:
        """Set how long the peer may be silent from now on, and take altogether."""
        self._silence = silence
        self._deadline = None if total is None else time.monotonic() + total
        self.sock.settimeout(silence)

    @property
    def protection(self) -> str:
        """What the bytes go through on their way, as in TLSv1.3; empty for nothing."""
        return ""

    def greet(self) -> None:
        """Take what stands before the first PDU of whoever calls us: here nothing."""

    def send(self, data: bytes | memoryview) -> None:
        """Write all of it."""
        self.sock.sendall(data)

    def first_bytes(self) -> bytes:
        """Return what has come so far and is not read yet, waiting for the first byte."""
        if self._start == self._end:
            self._fill()
        return bytes(self._buffer[self._start : min(self._end, self._start + 16)])

    def pdu_head(self) -> tuple[int, int]:
        """Return type and length of the next PDU."""
        kind, length = PDU_HEAD.unpack(self.exactly(6))
        return kind, length

    def pdv_head(self) -> tuple[int, int, int]:
        """Return length, context identifier and control header of the next PDV (PS3.8 §9.3.5.1, §E)."""
        length, context_id, flags = PDV_HEAD.unpack(self.exactly(6))
        return length, context_id, flags

    def both_heads(self, kind: int) -> tuple[int, int, int, int] | None:
        """Return the length of the next PDU and the head of its first PDV, at once since it is so frequent.

        None, and nothing is read, where they have not arrived whole or the PDU is of another kind.
        """
        if self._end - self._start < _BOTH_HEADS.size:
            return None
        found, *lengths = _BOTH_HEADS.unpack_from(self._buffer, self._start)
        if found != kind:
            return None
        self._start += _BOTH_HEADS.size
        left, length, context_id, flags = lengths
        return left, length, context_id, flags

    def exactly(self, length: int) -> bytes | memoryview:
        """Return the next bytes, only a few; valid until the next call."""
        start, stop = self._start, self._start + length
        if stop <= self._end:
            self._start = stop
            return self._buffer[start:stop]
        parts = bytearray()
        while len(parts) < length:
            if self._start == self._end:
                self._fill()
            stop = min(self._end, self._start + length - len(parts))
            parts += self._buffer[self._start : stop]
            self._start = stop
        return bytes(parts)

    def pour(self, length: int, sink: Sink) -> None:
        """Let the next bytes run into a sink; its parts are flushed before the buffer is used again."""
        self._sink = sink
        while length:
            if self._start == self._end:
                self._fill()
            stop = min(self._end, self._start + length)
            sink.take(self._buffer[self._start : stop])
            length -= stop - self._start
            self._start = stop

    def drained(self) -> None:
        """Flush the sink and forget it; its value is whole."""
        if self._sink is not None:
            self._sink.flush()
            self._sink = None

    def quiet(self, seconds: float = 0) -> bool:
        """Return whether nothing waits to be read, or comes within this time."""
        if self._start != self._end:
            return False
        poll = select.poll()
        poll.register(self.sock, select.POLLIN | select.POLLHUP | select.POLLERR)
        return not poll.poll(seconds * 1000)

    def interrupt(self) -> None:
        """End the connection under whoever waits for it."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket; what was not read is lost."""
        self._sink = None
        self.sock.close()

    def _fill(self) -> None:
        if self._sink is not None:
            self._sink.flush()
        if self._deadline is not None:
            self._wait_less_than_silence(self._deadline - time.monotonic())
        count = self.sock.recv_into(self._buffer)
        if not count:
            raise ConnectionResetError("the connection was closed")
        self._start, self._end = 0, count

    def _wait_less_than_silence(self, left: float) -> None:
        if left <= 0:
            raise TimeoutError("the time for the whole request is over")
        self.sock.settimeout(min(self._silence, left))

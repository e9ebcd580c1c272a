"""A file on its way to the socket as C-STORE: read by the kernel into the gaps between PDU headers."""

from __future__ import annotations

import os
from pathlib import Path

from adit_cli.errors import DataError
from adit_cli.nodes.dimse import pdu
from adit_cli.nodes.dimse.channel import IS_COMMAND, IS_LAST, UNLIMITED, longest_fragment
from adit_cli.nodes.dimse.messages import Command, encode_command
from adit_cli.nodes.dimse.wire import PDU_HEAD, PDV_HEAD, Wire

_HEAD = PDU_HEAD.size + PDV_HEAD.size
_ROOM_FOR_COMMAND = 1024
_BLOCK = UNLIMITED
_MOST_GAPS = 512


class Outbox:
    """A block of P-DATA PDUs that is filled and sent again and again.

    One copy from the page cache into the block, one write for a message of up to a mebibyte; longer
    ones take several, so memory does not grow with the object.
    """

    def __init__(self, max_length: int) -> None:
        self.max_length = max_length
        self._step = min(longest_fragment(max_length), _BLOCK - _HEAD)
        self._stride = self._step + _HEAD
        count = max(1, min(_BLOCK // self._stride, _MOST_GAPS))
        self._view = memoryview(bytearray(_ROOM_FOR_COMMAND + count * self._stride))
        starts = range(_ROOM_FOR_COMMAND, len(self._view), self._stride)
        self._gaps = [self._view[start + _HEAD : start + self._stride] for start in starts]
        self._context_id = self._patched = -1

    def send(self, wire: Wire, context_id: int, command: Command, file: tuple[Path, int]) -> None:
        """Send a C-STORE request with the data set that stands in a file from an offset on."""
        path, offset = file
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise DataError(f"{path.name} cannot be read: {error.strerror}.") from error
        try:
            self._send(wire, context_id, command, (fd, offset))
        finally:
            os.close(fd)

    def _send(self, wire: Wire, context_id: int, command: Command, file: tuple[int, int]) -> None:
        fd, offset = file
        left = os.fstat(fd).st_size - offset
        if left <= 0:
            raise DataError(f"Instance {command.sop_instance_uid} has no data set.")
        self._address(context_id)
        start = self._write_command(context_id, command)
        while left > 0:
            length = min(left, len(self._gaps) * self._step)
            _read_into(fd, offset, self._gaps, length)
            left, offset = left - length, offset + length
            stop = self._finish(length, is_last=not left)
            wire.send(self._view[start:stop])
            start = _ROOM_FOR_COMMAND

    def _write_command(self, context_id: int, command: Command) -> int:
        """Put the command right before the first data PDU; return where it starts."""
        raw = encode_command(command)
        head = PDU_HEAD.pack(pdu.P_DATA, len(raw) + 6) + PDV_HEAD.pack(
            len(raw) + 2, context_id, IS_COMMAND | IS_LAST
        )
        start = _ROOM_FOR_COMMAND - len(head) - len(raw)
        self._view[start:_ROOM_FOR_COMMAND] = head + raw
        return start

    def _address(self, context_id: int) -> None:
        """Write the headers of full fragments, where they are not those of this context already."""
        stale = range(len(self._gaps)) if context_id != self._context_id else [self._patched]
        self._context_id, self._patched = context_id, 0
        for index in stale:
            self._write_head(index, self._step, 0)

    def _write_head(self, index: int, length: int, flags: int) -> None:
        start = _ROOM_FOR_COMMAND + index * self._stride
        PDU_HEAD.pack_into(self._view, start, pdu.P_DATA, length + 6)
        PDV_HEAD.pack_into(self._view, start + 6, length + 2, self._context_id, flags)

    def _finish(self, length: int, *, is_last: bool) -> int:
        """Mark the last fragment of a message; return where the block ends.

        Fragments are even (PS3.8 §E.1), deflated streams may not be: dcmtk waits for ever for the odd byte.
        """
        index, rest = divmod(length - 1, self._step)
        size = rest + 1
        if is_last:
            if size % 2:
                self._gaps[index][size] = 0
                size += 1
            self._write_head(index, size, IS_LAST)
            self._patched = index
        return _ROOM_FOR_COMMAND + index * self._stride + _HEAD + size


def _read_into(fd: int, offset: int, gaps: list[memoryview], length: int) -> None:
    """Fill the gaps with the next bytes of the file; a file that became shorter is an error."""
    step = len(gaps[0])
    full, rest = divmod(length, step)
    wanted = gaps[:full] + ([gaps[full][:rest]] if rest else [])
    while wanted:
        count = os.preadv(fd, wanted, offset)
        if not count:
            raise DataError("A file became shorter while it was sent.")
        offset += count
        wanted = _behind(wanted, count)


def _behind(gaps: list[memoryview], count: int) -> list[memoryview]:
    rest: list[memoryview] = []
    for gap in gaps:
        if count >= len(gap):
            count -= len(gap)
        else:
            rest.append(gap[count:])
            count = 0
    return rest

"""Files on their way to the socket as C-STORE: read by the kernel into the gaps between PDU headers."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from adit_cli.dicom.files import FileMeta, read_file_meta
from adit_cli.errors import DataError
from adit_cli.nodes.dimse import pdu
from adit_cli.nodes.dimse.channel import IS_COMMAND, IS_LAST, UNLIMITED, longest_fragment
from adit_cli.nodes.dimse.messages import Command, encode_command
from adit_cli.nodes.dimse.wire import PDU_HEAD, PDV_HEAD, Wire

_HEAD = PDU_HEAD.size + PDV_HEAD.size
_ROOM_FOR_COMMAND = 1024
_BLOCK = UNLIMITED
_MOST_GAPS = 512


@dataclass(frozen=True, slots=True)
class Loaded:
    """A file of which the data set's beginning, mostly all of it, stands in a block."""

    path: Path
    meta: FileMeta
    size: int
    """Bytes of the data set."""
    block: _Block
    length: int
    """How many of them are in the block."""


class Outbox:
    """Two blocks that are filled and sent by turns: the next file is read while the peer files one."""

    def __init__(self, max_length: int) -> None:
        self.max_length = max_length
        self._block, self._spare = _Block(max_length), _Block(max_length)
        self._next: Loaded | None = None

    def load(self, path: Path) -> Loaded:
        """Return the file ready to be sent; DataError where it is no DICOM or has no data set."""
        loaded, self._next = self._next, None
        if loaded is None or loaded.path != path:
            return _load(path, self._block)
        self._block, self._spare = self._spare, self._block
        return loaded

    def load_next(self, path: Path) -> None:
        """Read the file that probably comes next."""
        try:
            self._next = _load(path, self._spare)
        except DataError:
            self._next = None  # it is told when that file's turn comes

    def send(self, wire: Wire, context_id: int, command: Command, loaded: Loaded) -> None:
        """Send a C-STORE request with the data set of the file that was loaded last."""
        block = loaded.block
        start = block.write_command(context_id, command)
        block.send(wire, start, loaded.length, is_last=loaded.length == loaded.size)
        if loaded.length < loaded.size:
            _send_rest(wire, loaded)


def _load(path: Path, block: _Block) -> Loaded:
    meta = read_file_meta(path)
    fd = _opened(path)
    try:
        size = os.fstat(fd).st_size - meta.dataset_offset
        if size <= 0:
            raise DataError(f"Instance {meta.sop_instance_uid} has no data set.")
        return Loaded(path, meta, size, block, block.fill(fd, meta.dataset_offset, size))
    finally:
        os.close(fd)


def _send_rest(wire: Wire, loaded: Loaded) -> None:
    sent, block = loaded.length, loaded.block
    fd = _opened(loaded.path)
    try:
        while sent < loaded.size:
            length = block.fill(fd, loaded.meta.dataset_offset + sent, loaded.size - sent)
            sent += length
            block.send(wire, _ROOM_FOR_COMMAND, length, is_last=sent == loaded.size)
    finally:
        os.close(fd)


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise DataError(f"{path.name} cannot be read: {error.strerror}.") from error


class _Block:
    """P-DATA PDUs one behind the other.

    One copy from the page cache into the block, one write for a message of up to a mebibyte; longer
    ones take several, so memory does not grow with the object.
    """

    def __init__(self, max_length: int) -> None:
        self._step = min(longest_fragment(max_length), _BLOCK - _HEAD)
        self._stride = self._step + _HEAD
        count = max(1, min(_BLOCK // self._stride, _MOST_GAPS))
        self._view = memoryview(bytearray(_ROOM_FOR_COMMAND + count * self._stride))
        starts = range(_ROOM_FOR_COMMAND, len(self._view), self._stride)
        self._gaps = [self._view[start + _HEAD : start + self._stride] for start in starts]
        self._context_id = self._patched = -1

    def fill(self, fd: int, offset: int, left: int) -> int:
        """Read as much of what is left as there is room for, and return how much that is."""
        length = min(left, len(self._gaps) * self._step)
        _read_into(fd, offset, self._gaps, length)
        return length

    def send(self, wire: Wire, start: int, length: int, *, is_last: bool) -> None:
        """Send the block with so many bytes of a data set in it."""
        wire.send(self._view[start : self._finish(length, is_last=is_last)])

    def write_command(self, context_id: int, command: Command) -> int:
        """Put the command right before the first data PDU; return where it starts."""
        self._address(context_id)
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

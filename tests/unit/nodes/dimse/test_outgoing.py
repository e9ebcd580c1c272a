from __future__ import annotations

import socket
import struct
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from adit_cli.dicom.files import part10_header, read_file_meta
from adit_cli.errors import DataError
from adit_cli.nodes.dimse.messages import C_STORE_RQ, WITH_DATASET, Command
from adit_cli.nodes.dimse.outgoing import Outbox
from adit_cli.nodes.dimse.wire import Wire

CT, EXPLICIT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1"
LONG = 3 << 20


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return [_file(tmp_path / f"{number}.dcm", number, 1000 * number) for number in range(1, 4)]


def test_a_file_that_was_read_ahead_is_sent_as_it_is(files: list[Path]) -> None:
    with _sending() as sender:
        for path, following in zip(files, [*files[1:], None], strict=True):
            sender.send(path, following)

    assert sender.received == [_dataset(path) for path in files]


def test_another_file_than_the_one_read_ahead_may_come_next(files: list[Path]) -> None:
    first, second, third = files
    with _sending() as sender:
        sender.send(first, second)
        sender.send(third, second)
        sender.send(second, None)

    assert sender.received == [_dataset(path) for path in (first, third, second)]


def test_a_file_that_was_read_ahead_and_is_longer_than_a_block_is_sent_whole(
    tmp_path: Path, files: list[Path]
) -> None:
    long = _file(tmp_path / "long.dcm", 9, LONG)
    with _sending() as sender:
        sender.send(files[0], long)
        sender.send(long, files[1])
        sender.send(files[1], None)

    assert sender.received == [_dataset(path) for path in (files[0], long, files[1])]


def test_a_file_that_cannot_be_read_ahead_is_told_of_when_its_turn_comes(files: list[Path]) -> None:
    files[1].write_bytes(b"no DICOM")
    with _sending() as sender:
        sender.send(files[0], files[1])
        with pytest.raises(DataError, match=files[1].name):
            sender.send(files[1], None)


class _Sender:
    """An outbox, and what came out at the other end."""

    def __init__(self, wire: Wire) -> None:
        self.outbox = Outbox(16384)
        self.wire = wire
        self.received: list[bytes] = []

    def send(self, path: Path, following: Path | None) -> None:
        loaded = self.outbox.load(path)
        command = Command(C_STORE_RQ, 1, dataset_type=WITH_DATASET)
        self.outbox.send(self.wire, 1, command, loaded)
        if following is not None:
            self.outbox.load_next(following)


@contextmanager
def _sending() -> Generator[_Sender]:
    ours, theirs = socket.socketpair()
    sender = _Sender(_PlainWire(ours))
    reader = Thread(target=_read, args=(theirs, sender.received))
    reader.start()
    try:
        yield sender
    finally:
        ours.close()
        reader.join()
        theirs.close()


class _PlainWire(Wire):
    """A wire over a socket that is no TCP socket, and only sends."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock


def _read(sock: socket.socket, received: list[bytes]) -> None:
    """Put together the data sets that come (PS3.8 §9.3.5)."""
    dataset = b""
    with sock.makefile("rb") as stream:
        while head := stream.read(12):
            _, _, length, context_id, flags = struct.unpack(">BxIIBB", head)
            assert context_id == 1
            value = stream.read(length - 2)
            dataset += value if not flags & 1 else b""
            if flags == 2:  # the last fragment of a data set
                received.append(dataset)
                dataset = b""


def _file(path: Path, number: int, length: int) -> Path:
    path.write_bytes(part10_header(CT, f"1.2.{number}", EXPLICIT) + bytes([number]) * length)
    return path


def _dataset(path: Path) -> bytes:
    return path.read_bytes()[read_file_meta(path).dataset_offset :]

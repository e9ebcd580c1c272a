"""Storing (STOW-RS, PS3.18 §10.5): several files a request, sent from the disk as they lie there."""

from __future__ import annotations

import os
import ssl
from collections.abc import Sequence
from io import FileIO
from socket import socket
from uuid import uuid4

from adit_cli.errors import NodeError, Reason, TransientNodeError
from adit_cli.nodes.base import Delivered, Ready
from adit_cli.nodes.dicomweb.answer import Answer
from adit_cli.nodes.dicomweb.connection import Ask, WebConnection
from adit_cli.nodes.dicomweb.failures import status_error
from adit_cli.nodes.dicomweb.stored import Stored, read_stored
from adit_cli.nodes.dimse.reasons import status_reason, status_words

_ACCEPT = "application/dicom+json"
_DOING = "STOW-RS"
_BLOCK = 1 << 18
_SUCCESS, _NO_CONTENT, _CONFLICT = 200, 204, 409
_TELLS_EACH = frozenset((*range(200, 300), _CONFLICT))
"""PS3.18 §10.5.3 knows 200, 202 and 409; servers say 201 and 204 as well."""
_ABOUT_FILES = frozenset((400, 413, 415, 422, 500))
_ALREADY_THERE = 0x0111
CHANGED = "its file cannot be read, or changed since it was looked at"


class Files:
    """Files as one multipart/related body of known length."""

    def __init__(self, files: Sequence[Ready]) -> None:
        boundary = uuid4().hex
        self.content_type = f'multipart/related; type="application/dicom"; boundary={boundary}'
        self._files = files
        self._head = f"\r\n--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self.length = sum(len(self._head) + file.size for file in files) + len(self._tail)

    def send(self, sock: socket) -> None:
        """Write it to the socket, by the kernel itself where there is no TLS in between."""
        block = memoryview(bytearray(_BLOCK)) if isinstance(sock, ssl.SSLSocket) else None
        for file in self._files:
            sock.sendall(self._head)
            with _opened(file) as content:
                if block is None:
                    sent = sock.sendfile(content, count=file.size) if file.size else 0
                else:
                    sent = _sent_encrypted(sock, content, block, file.size)
            if sent != file.size:
                raise _changed(file)
        sock.sendall(self._tail)


def is_as_it_was(file: Ready) -> bool:
    """Return whether a file can be read and is as long as it is to be announced."""
    try:
        return file.path.stat().st_size == file.size and os.access(file.path, os.R_OK)
    except OSError:
        return False


def _opened(file: Ready) -> FileIO:
    try:
        return FileIO(file.path)
    except OSError as error:
        raise _changed(file) from error


def _changed(file: Ready) -> TransientNodeError:
    return TransientNodeError(f"Instance {file.uid}: {CHANGED}.", reason=Reason.REJECTED)


def _sent_encrypted(sock: socket, content: FileIO, block: memoryview, size: int) -> int:
    sent = 0
    while got := content.readinto(block[: size - sent]):
        sock.sendall(block[:got])
        sent += got
    return sent


class FilesRefusedError(Exception):
    """The server refused a request as a whole, perhaps for the sake of one file in it."""

    def __init__(self, error: NodeError) -> None:
        super().__init__(error.message)
        self.error = error


class Stow:
    """The stores of one node."""

    def __init__(self, connection: WebConnection, prefix: str) -> None:
        self._connection = connection
        self._path = f"{prefix}/studies"

    @property
    def is_interrupted(self) -> bool:
        """Whether it was broken off."""
        return self._connection.is_interrupted

    def interrupt(self) -> None:
        """Break off a request that another thread makes, for good."""
        self._connection.interrupt()

    def close(self) -> None:
        """Drop the connection."""
        self._connection.close()

    def store(self, files: Sequence[Ready]) -> list[Delivered]:
        """Send files in one request and return what the server said of each.

        FilesRefusedError where fewer files may fare better; NodeError where they would not.
        """
        with self._connection.exchange(Ask(_DOING, self._path, _ACCEPT, body=Files(files))) as answer:
            stored = _read(answer)
            if answer.status not in _TELLS_EACH and not stored.failed:
                error = status_error(answer.name, _DOING, answer.status)
                raise FilesRefusedError(error) if answer.status in _ABOUT_FILES else error
            return [_told(answer, stored, file.uid) for file in files]


def _read(answer: Answer) -> Stored:
    """Return what the body says of each instance; of an error, a body that says nothing is expected."""
    if answer.status == _NO_CONTENT:
        return Stored()
    try:
        return read_stored(answer)
    except NodeError:
        if answer.status == _SUCCESS:
            raise
        return Stored()


def _told(answer: Answer, stored: Stored, uid: str) -> Delivered:
    failure = stored.failed.get(uid)
    if failure is not None and failure != _ALREADY_THERE:
        return _refused(uid, status_reason(failure), f"it refused instance {uid} ({status_words(failure)})")
    if failure is not None:
        return Delivered(uid, accepted=True, message=f"instance {uid} was there already")
    if uid in stored.accepted:
        warning = stored.accepted[uid]
        said = f"it took instance {uid} with a warning ({status_words(warning)})" if warning else ""
        return Delivered(uid, accepted=True, message=said)
    if answer.status in {_SUCCESS, _NO_CONTENT} and not stored.accepted and not stored.failed:
        said = f"it answered {answer.status} and did not list what it took: look there whether all of it is"
        return Delivered(uid, accepted=True, reason=Reason.REJECTED, message=said)
    return _refused(uid, Reason.REJECTED, f"it did not confirm instance {uid} ({answer.status})")


def _refused(uid: str, reason: Reason, message: str) -> Delivered:
    return Delivered(uid, accepted=False, reason=reason, message=message)

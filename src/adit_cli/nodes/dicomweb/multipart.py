"""The parts of a multipart/related body (RFC 2046 §5.1), written to files while they arrive.

One fixed buffer is all the memory it takes, however large a part is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from adit_cli.nodes.storage import storage_errors

ReadInto: TypeAlias = Callable[[memoryview], int]
BUFFER = 1 << 20
LONGEST_HEAD = 1 << 14
LONGEST_BOUNDARY = 200
"""The standard allows 70; servers write longer ones."""


class MultipartError(Exception):
    """The body is not built as RFC 2046 says, or ends too early; the message says what is wrong."""


class Window:
    """The stretch of the body that is in memory."""

    def __init__(self, read: ReadInto) -> None:
        self._read = read
        self._data = bytearray(BUFFER)
        self._space = memoryview(self._data)
        self._start = self._end = 0

    def __len__(self) -> int:
        return self._end - self._start

    def more(self) -> bool:
        """Read on behind what is there; False at the end of the body, or when nothing more fits."""
        if self._start:
            self._space[: len(self)] = self._space[self._start : self._end]
            self._end, self._start = len(self), 0
        got = self._read(self._space[self._end :]) if self._end < BUFFER else 0
        self._end += got
        return got > 0

    def need(self, count: int) -> bool:
        """Return whether so many bytes are there, reading on for them."""
        while len(self) < count:
            if not self.more():
                return False
        return True

    def find(self, what: bytes, behind: int = 0) -> int:
        """Return how far ahead the bytes stand, -1 if they are not in memory."""
        at = self._data.find(what, self._start + behind, self._end)
        return at - self._start if at >= 0 else -1

    def peek(self, count: int, ahead: int = 0) -> bytes:
        """Return bytes that come next, or further ahead, without taking them."""
        start = self._start + ahead
        return bytes(self._space[start : min(start + count, self._end)])

    def take(self, count: int) -> memoryview:
        """Take bytes that are there; good until more is read."""
        taken = self._space[self._start : self._start + count]
        self._start += count
        return taken

    def straight(self, count: int) -> memoryview:
        """Return up to so many of the next bytes of the body, read anew only when none are left."""
        if not len(self):
            self._start = 0
            self._end = self._read(self._space[: min(count, BUFFER)])
        return self.take(min(count, len(self)))


@dataclass(slots=True)
class Part:
    """One part whose head was read; its content must be written before the next one is asked for."""

    number: int
    headers: dict[str, str]
    _parts: Parts

    @property
    def content_type(self) -> str:
        """The media type without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def write(self, descriptor: int) -> int:
        """Write the content to an open file and return its size."""
        return self._parts.write(descriptor, self.headers.get("content-length", ""))


class Parts:
    """Iterates over the parts of a body."""

    def __init__(self, read: ReadInto, boundary: str) -> None:
        if not boundary or len(boundary) > LONGEST_BOUNDARY:
            raise MultipartError("a multipart body that names no usable boundary")
        self._window = Window(read)
        self._dashes = b"--" + boundary.encode("latin_1", "replace")
        self._delimiter = b"\r\n" + self._dashes
        self._written = True

    def __iter__(self) -> Iterator[Part]:
        number = 0
        self._skip_preamble()
        while self._another():
            number += 1
            self._written = False
            yield Part(number, self._head(), self)
            if not self._written:
                self.write(None, "")

    def write(self, descriptor: int | None, length: str) -> int:
        """Write what belongs to the present part; the delimiter behind it stays."""
        self._written = True
        if length.strip().isdecimal():
            return self._write_counted(descriptor, int(length))
        return self._write_searched(descriptor)

    def _skip_preamble(self) -> None:
        """Go to the first delimiter; what stands before it means nothing."""
        while (at := self._window.find(self._dashes)) < 0:
            if len(self._window) > LONGEST_HEAD or not self._window.more():
                raise MultipartError("a multipart body without its boundary")
        self._window.take(at + len(self._dashes))

    def _another(self) -> bool:
        """Return whether a part follows the delimiter just taken; `--` closes the body."""
        if not self._window.need(2):
            raise MultipartError("a multipart body that ends in a delimiter")
        if self._window.peek(2) == b"--":
            self._window.take(2)
            self._drain()
            return False
        while (at := self._window.find(b"\r\n")) < 0:
            if len(self._window) > LONGEST_HEAD or not self._window.more():
                raise MultipartError("a multipart body whose delimiter does not end")
        if bytes(self._window.take(at + 2)).strip():
            raise MultipartError("a multipart body with something behind its delimiter")
        return True

    def _drain(self) -> None:
        """Read what follows the last part, which means nothing, so that the connection can go on."""
        while len(self._window.straight(BUFFER)):
            pass

    def _head(self) -> dict[str, str]:
        if self._window.need(2) and self._window.peek(2) == b"\r\n":
            self._window.take(2)
            return {}
        while (at := self._window.find(b"\r\n\r\n")) < 0:
            if len(self._window) > LONGEST_HEAD or not self._window.more():
                raise MultipartError("a multipart body with a part that has no end of its head")
        lines = bytes(self._window.take(at + 4)).decode("latin_1").split("\r\n")
        named = (line.partition(":") for line in lines if ":" in line)
        return {name.strip().lower(): value.strip() for name, _, value in named}

    def _write_counted(self, descriptor: int | None, length: int) -> int:
        """Write as much as the part says it has: nothing needs to be searched."""
        left = length
        while left:
            block = self._window.straight(left)
            if not block:
                raise MultipartError("a part that ends too early")
            write_all(descriptor, block)
            left -= len(block)
        if not self._window.need(len(self._delimiter)) or self._window.find(self._delimiter) != 0:
            raise MultipartError("a part that is not as long as it says")
        self._window.take(len(self._delimiter))
        return length

    def _write_searched(self, descriptor: int | None) -> int:
        """Write up to the next delimiter, which may lie across two readings."""
        size = 0
        while (at := self._next_delimiter()) < 0:
            keep = len(self._delimiter) + 2
            block = self._window.take(max(0, len(self._window) - keep))
            write_all(descriptor, block)
            size += len(block)
            if not self._window.more():
                raise MultipartError("a part that ends too early")
        write_all(descriptor, self._window.take(at))
        self._window.take(len(self._delimiter))
        return size + at

    def _next_delimiter(self) -> int:
        """Return where the content ends; a longer line that only begins like the delimiter is content."""
        at = self._window.find(self._delimiter)
        while at >= 0:
            behind = self._window.peek(2, at + len(self._delimiter))
            if behind in {b"--", b"\r\n"} or behind[:1] in {b" ", b"\t"}:
                return at
            at = self._window.find(self._delimiter, at + 2)
        return -1


def write_all(descriptor: int | None, block: memoryview) -> None:
    """Write a whole block; nowhere without a file."""
    while descriptor is not None and block:
        with storage_errors("the folder that is fetched into"):
            block = block[os.write(descriptor, block) :]

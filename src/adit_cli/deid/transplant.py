"""Write a new header and put the old pixel data behind it, byte for byte and without looking at it."""

from __future__ import annotations

import errno
import os
import zlib
from collections.abc import Callable
from pathlib import Path

from adit_cli.deid.parts import DEFLATED, Parts, Tail
from adit_cli.dicom.elements import encode_element_header
from adit_cli.errors import DataError, DiskFullError

UNSUPPORTED = frozenset((errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF, errno.EPERM))
"""What `copy_file_range` and `sendfile` say where a file system or kernel does not have them."""
CHUNK = 1 << 20


def write_parts(source: Path, target: Path, header: tuple[bytes, bytes], parts: Parts) -> int:
    """Write file head, data set header and pixel data; return the size. Nothing is left behind on failure."""
    try:
        return _write(source, target, header, parts)
    except OSError as error:
        target.unlink(missing_ok=True)
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise DiskFullError(f"No room for {target.name}: {error.strerror}") from error
        raise DataError(f"{target.name} cannot be written: {error.strerror}") from error
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _write(source: Path, target: Path, header: tuple[bytes, bytes], parts: Parts) -> int:
    head, body = header
    tail = parts.tail
    if tail:
        body += encode_element_header(tail.tag, tail.vr, tail.length, parts.encoding)
    out = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        if parts.transfer_syntax_uid == DEFLATED:
            return _write_all(out, head + _deflated(body + _pixels_in_memory(parts)))
        size = _write_all(out, head + body)
        if parts.pixels is not None:
            return size + _write_all(out, parts.pixels)
        return size + (_copy(source, out, tail) if tail else 0)
    finally:
        os.close(out)


def _pixels_in_memory(parts: Parts) -> bytes:
    if parts.pixels is not None:
        return parts.pixels
    tail = parts.tail
    return parts.inflated[tail.start : tail.start + tail.size] if tail and parts.inflated else b""


def _deflated(data_set: bytes) -> bytes:
    """Return a data set as the deflated transfer syntax has it (PS3.5 §A.5)."""
    engine = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    data = engine.compress(data_set) + engine.flush()
    return data + b"\0" * (len(data) % 2)


def _write_all(out: int, data: bytes) -> int:
    view = memoryview(data)
    while view:
        view = view[os.write(out, view) :]
    return len(data)


def _copy(source: Path, out: int, tail: Tail) -> int:
    descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        copied = 0
        for way in (_in_kernel, _by_sendfile, _by_hand):
            copied += _copy_by(way, descriptor, out, tail, copied)
            if copied == tail.size:
                return copied
    finally:
        os.close(descriptor)
    raise DataError(f"{source.name} was cut off while it was read")


def _copy_by(
    way: Callable[[int, int, int, int], int], descriptor: int, out: int, tail: Tail, done: int
) -> int:
    """Copy what is left in one way; return how much that was, less than asked where the way is not open."""
    start = done
    try:
        while done < tail.size and (count := way(descriptor, out, tail.start + done, tail.size - done)):
            done += count
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
    return done - start


def _in_kernel(descriptor: int, out: int, offset: int, count: int) -> int:
    return os.copy_file_range(descriptor, out, count, offset)


def _by_sendfile(descriptor: int, out: int, offset: int, count: int) -> int:
    return os.sendfile(out, descriptor, offset, count)


def _by_hand(descriptor: int, out: int, offset: int, count: int) -> int:
    return _write_all(out, os.pread(descriptor, min(count, CHUNK), offset))

"""The 7-Zip program: lists, reads and makes archives. A password is never an argument: `ps` shows those."""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import tempfile
import zlib
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Literal

from adit_cli.errors import DataError, NodeError
from adit_cli.nodes.measure import locked

Kind = Literal["zip", "7z"]
NAMES = ("7zz", "7z")
VARIABLE = "ADIT_7ZZ"
_FIELD = re.compile(r"^(Path|Size|CRC|Encrypted|Folder|Attributes) = ?(.*)$", re.MULTILINE)
_VERSION = re.compile(rb"^7-Zip .*?(\d+\.\d+)", re.MULTILINE)
_LINK = re.compile(r"\bl[rwx-]{9}")
_LOCKED = (b"Wrong password", b"Enter password")
_LONGEST_ERROR = 1 << 16


@dataclass(frozen=True, slots=True)
class Entry:
    """One member as the program lists it."""

    name: str
    size: int
    crc: int | None
    encrypted: bool
    regular: bool


def program() -> str:
    """Return the program to call; NodeError where there is none."""
    named = os.environ.get(VARIABLE)
    found = next(filter(None, map(shutil.which, [named] if named else NAMES)), None)
    if found is None:
        raise NodeError(
            "7z archives, and zip archives with a password, need the program 7zz",
            hint=f"install it (Debian and Ubuntu: 7zip), or say where it is: {VARIABLE}=PATH",
        )
    return found


def version() -> str:
    """Return the program's version; NodeError where there is none to ask."""
    done = subprocess.run(  # noqa: S603 - fixed arguments
        [program(), "i"], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    found = _VERSION.search(done.stdout)
    if found is None:
        raise NodeError("the program named 7zz does not say its version", hint=f"check {VARIABLE}")
    return found[1].decode()


def entries(path: Path, kind: Kind, password: str = "") -> list[Entry]:
    """Return what is in an archive, in its order; DataError where it is damaged or has another password."""
    with _neutral(path) as named:
        done = subprocess.run(  # noqa: S603 - fixed arguments
            [program(), "l", "-slt", "-sccUTF-8", "-bd", f"-t{kind}", str(named)],
            input=_line(password),
            capture_output=True,
            check=False,
            env=_environment(),
            process_group=0,
        )
    if done.returncode:
        raise _refusal(path, done.stdout + done.stderr, password)
    _, _, blocks = done.stdout.decode("utf-8", "replace").partition("----------\n")
    return [_entry(block) for block in blocks.split("\n\n") if block.startswith("Path = ")]


def is_encrypted(path: Path, kind: Kind, password: str) -> bool:
    """Return whether all that is in an archive can be read with a password only."""
    return all(entry.encrypted for entry in entries(path, kind, password) if entry.size)


def _entry(block: str) -> Entry:
    fields = dict(_FIELD.findall(block))
    attributes = fields.get("Attributes", "")
    folder = fields.get("Folder") == "+" or attributes.startswith("D")
    return Entry(
        fields["Path"],
        int(fields.get("Size") or 0),
        int(fields["CRC"], 16) if fields.get("CRC") else None,
        fields.get("Encrypted") == "+",
        not folder and not _LINK.search(attributes),
    )


class EntryData:
    """The bytes of one member out of the stream of all; its checksum is looked at when it ends."""

    def __init__(self, stream: IO[bytes], entry: Entry, refusal: Callable[[], DataError]) -> None:
        self._stream = stream
        self._entry = entry
        self._refusal = refusal
        self._left = entry.size
        self._sum = 0

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, none at the end; DataError where they are not those that were put in."""
        block = self._stream.read(min(size, self._left)) if self._left else b""
        self._sum = zlib.crc32(block, self._sum)
        short = bool(self._left) and not block
        self._left -= len(block)
        if short or (not self._left and self._entry.crc not in {None, self._sum}):
            raise self._refusal()
        return block

    def drain(self) -> None:
        """Pass over what nobody read."""
        while self._left:
            self.read(1 << 20)


def stream(
    path: Path, kind: Kind, listed: list[Entry], password: str = ""
) -> Generator[tuple[Entry, EntryData]]:
    """Yield every member with its bytes, read one after the other."""
    with _neutral(path) as named:
        command = [program(), "x", "-so", "-bd", f"-t{kind}", str(named)]
        with _running(command, password) as running, running.stdout as output:
            for entry in listed:
                data = EntryData(output, entry, partial(running.refusal, path, password))
                yield entry, data
                data.drain()
            if output.read(1) or running.process.wait():
                raise running.refusal(path, password)


def write(folder: Path, target: Path, kind: Kind, password: str = "") -> None:
    """Pack all that is in a folder into a new archive; with a password, 7z hides the names as well.

    Both paths are seen by everyone on the machine, what is in the folder is not.
    """
    switches = ["-mhe=on"] if kind == "7z" and password else []
    switches += ["-mem=AES256"] if kind == "zip" and password else []
    switches += ["-p"] if password else []
    done = subprocess.run(  # noqa: S603 - fixed arguments
        [program(), "a", "-bd", "-mx=3", f"-t{kind}", *switches, str(target.absolute()), "."],
        cwd=folder,
        input=_line(password),
        capture_output=True,
        check=False,
        env=_environment(),
        process_group=0,  # Ctrl-C is for the run, which lets an archive come to its end
    )
    if b"No space left" in done.stderr + done.stdout:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if done.returncode:
        raise NodeError(f"7zz could not write an archive (exit code {done.returncode})")


@contextmanager
def _neutral(path: Path) -> Generator[Path]:
    """Lend another path to an archive: arguments are seen by everyone, and its name may be a patient's."""
    with tempfile.TemporaryDirectory(prefix="adit-") as folder:
        named = Path(folder, "archive")
        named.symlink_to(path.absolute())
        yield named


def _environment() -> dict[str, str]:
    """Return the environment in which the program takes a password for UTF-8."""
    kept = {name: value for name, value in os.environ.items() if name != "ADIT_ARCHIVE_PASSWORD"}
    return {**kept, "LC_ALL": "C.UTF-8"}


@dataclass(frozen=True, slots=True)
class _Running:
    process: subprocess.Popen[bytes]
    stdout: IO[bytes]
    said: IO[bytes]
    """Where its errors go: a file without a name, since they name files, and a pipe could fill up."""

    def refusal(self, path: Path, password: str) -> DataError:
        """Return why the program cannot go on; it has ended, or is ended now."""
        if self.stdout.read(1):
            self.process.kill()
        self.process.wait()
        self.said.seek(0)
        return _refusal(path, self.said.read(_LONGEST_ERROR), password)


@contextmanager
def _running(command: list[str], password: str) -> Generator[_Running]:
    """Run the program for the `with` block; whoever leaves early ends it."""
    with tempfile.TemporaryFile(prefix="adit-") as said:
        process = subprocess.Popen(  # noqa: S603 - fixed arguments
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            env=_environment(),
            process_group=0,  # Ctrl-C is for the run, which lets a study come to its end
        )
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("pipes were asked for")
        try:
            with suppress(BrokenPipeError), process.stdin as pipe:
                pipe.write(_line(password))
            yield _Running(process, process.stdout, said)
        finally:
            process.kill()
            process.wait()


def _line(password: str) -> bytes:
    return f"{password}\n".encode() if password else b""


def _refusal(path: Path, said: bytes, password: str) -> DataError:
    if any(sign in said for sign in _LOCKED):
        what = "was made with another password" if password else "is encrypted"
        return locked(path, what)
    return DataError(f"{path.name} is damaged, or no archive of its kind")

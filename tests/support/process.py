"""Programs that a test starts: on a free port, waited for, ended with the test even when it is killed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

LOOPBACK = "127.0.0.1"
START_SECONDS = 30.0
STOP_SECONDS = 10.0


class PeerError(Exception):
    """A peer program is missing, did not start, or failed; a test never goes on without it."""


def program(name: str) -> str:
    """Return where a peer program is; a missing one is an error, never a skipped test.

    Debian's come first: pynetdicom puts programs of its own named getscu, storescu, ... into the environment.
    """
    found = shutil.which(name, path="/usr/bin:/usr/sbin") or shutil.which(name)
    if found is None:
        raise PeerError(f"{name} is not installed; ./run-tests installs what the tests need")
    return found


def free_port() -> int:
    """Return a TCP port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def run(command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, timeout: float = 120) -> str:
    """Run a program to its end and return what it printed; a failure is an error with its output."""
    done = subprocess.run(
        [program(str(command[0])), *map(str, command[1:])],
        env=environment(env),
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout,
        check=False,
    )
    if done.returncode:
        raise PeerError(f"{command[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def environment(more: Mapping[str, str] | None) -> dict[str, str]:
    """Return our environment with Nagle's algorithm off in dcmtk's programs (Orthanc is built on it).

    An empty value takes a variable away. Python keeps what it compiled, as on a user's machine.
    """
    merged = {**os.environ, "TCP_NODELAY": "1", "PYTHONDONTWRITEBYTECODE": "", **(more or {})}
    return {name: value for name, value in merged.items() if value}


@contextmanager
def listening(
    command: Sequence[str | Path], ports: Sequence[int], log: Path, *, env: Mapping[str, str] | None = None
) -> Generator[subprocess.Popen[bytes]]:
    """Run a server for the `with` block, from when all its ports accept.

    `setpriv` makes the kernel end the server when the test run dies, so that a killed run leaves nothing.
    """
    guarded = [program("setpriv"), "--pdeathsig", "KILL", program(str(command[0])), *map(str, command[1:])]
    with log.open("wb") as output:
        process = subprocess.Popen(
            guarded,
            env=environment(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        for port in ports:
            _wait_until_accepting(process, port, log)
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a program and what it forked: asked first, made to after a while."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, how)
        except ProcessLookupError:
            break
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def _wait_until_accepting(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection((LOOPBACK, port), timeout=1).close()
        except OSError:
            if _ended_within(process, 0.02):
                raise PeerError(f"{process.args!r} ended:\n{log.read_text(errors='replace')}") from None
        else:
            return
    raise PeerError(
        f"nothing listens on port {port} after {START_SECONDS} s:\n{log.read_text(errors='replace')}"
    )


def _ended_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True

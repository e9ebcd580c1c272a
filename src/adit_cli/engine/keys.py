"""The project's secret, behind pseudonyms, UIDs and date shifts: the job's own, or one made once and kept.

Whoever has it can recompute the pseudonyms of guessed patient IDs, so it is never logged or shown.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from adit_cli.errors import StateError, UsageError

SHORTEST = 8


def project_key(secret: str | None, key_file: Path | None, kept: Path) -> bytes:
    """Return the job's key, else what its key file holds, else the one kept at `kept`, made if missing."""
    if secret is not None:
        return _long_enough(secret.encode(), "key")
    if key_file is not None:
        return _read_key_file(key_file)
    if not kept.exists():
        _make(kept)
    return _kept(kept)


def _read_key_file(path: Path) -> bytes:
    try:
        return _long_enough(path.read_bytes().strip(), f"key_file {path}")
    except OSError as error:
        raise UsageError(
            f"cannot read key_file {path}: {error.strerror}",
            hint="create it with `head -c 32 /dev/urandom | base64 > FILE` and keep a copy",
        ) from error


def _long_enough(key: bytes, name: str) -> bytes:
    if len(key) < SHORTEST:
        raise UsageError(
            f"{name} has {len(key)} bytes, which is easy to guess",
            hint=f"use at least {SHORTEST}, better 32 random ones",
        )
    return key


def _kept(path: Path) -> bytes:
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise StateError(f"cannot read the job's key {path}: {error.strerror}") from error
    if not key:
        raise StateError(
            f"the job's key {path} is empty",
            hint="restore it from a copy; a new one would change all pseudonyms",
        )
    return key


def _make(path: Path) -> None:
    """Write a new key that exists whole or not at all: pseudonyms of a lost one cannot be made again."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_hex(32).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

"""Uncompressed copies of files for a peer that takes nothing else; one image is in memory at a time."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from adit_cli.dicom.transcode import transcode
from adit_cli.errors import UsageError
from adit_cli.nodes.base import Ready
from adit_cli.nodes.storage import storage_errors


class Transcoder:
    """Shared by all associations to a node."""

    def __init__(self) -> None:
        self._one = threading.Lock()

    @contextmanager
    def copy(self, file: Ready, transfer_syntax_uid: str) -> Generator[Path]:
        """Have an uncompressed copy for the `with` block; DataError where the image cannot be decoded."""
        with storage_errors("the folder for temporary files", UsageError):
            folder = TemporaryDirectory(prefix="adit-", ignore_cleanup_errors=True)
        with folder as name:
            target = Path(name) / "image.dcm"
            with storage_errors("the folder for temporary files", UsageError), self._one:
                transcode(file.path, target, transfer_syntax_uid)
            yield target

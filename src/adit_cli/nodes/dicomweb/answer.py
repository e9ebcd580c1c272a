"""A service's answer while it arrives: its head is known, its body is read as it is wanted."""

from __future__ import annotations

import json
import re
import time
from contextlib import suppress
from http.client import HTTPResponse
from typing import TypeAlias, cast

from adit_cli.errors import NodeError
from adit_cli.nodes.dicomweb.failures import malformed, not_dicomweb, status_error
from adit_cli.nodes.dicomweb.network import network_errors
from adit_cli.nodes.dicomweb.tls import timed_out

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
BLOCK = 1 << 20
LARGEST_TEXT = 1 << 29
_DRAINED = 1 << 16
_FIRST_ERROR = 300
_TAG = re.compile(r"[0-9A-Fa-f]{8}")


class Answer:
    """Status, headers and the body as a stream."""

    def __init__(self, name: str, doing: str, response: HTTPResponse, patience: float) -> None:
        self.name = name
        self.doing = doing
        self.status = response.status
        self.content_type = response.headers.get_content_type() if response.getheader("Content-Type") else ""
        self.boundary = response.headers.get_boundary("")
        self.deadline: float | None = None
        self._response = response
        self._patience = patience

    @property
    def is_whole(self) -> bool:
        """Whether the body was read to its end, so that the connection can be used again."""
        return self._response.isclosed()

    def header(self, name: str) -> str:
        """Return a header's value, empty where it is not there."""
        return self._response.getheader(name, "")

    def check(self) -> None:
        """Raise the error that the status stands for, unless it is a success."""
        if self.status >= _FIRST_ERROR:
            self.drain()
            raise status_error(self.name, self.doing, self.status)
        self._refuse_compressed()

    def readinto(self, view: memoryview) -> int:
        """Fill the view as far as the body goes; 0 is its end. A body that was cut off is an error."""
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise timed_out(self.name, self._patience, f"{self.doing}, longer than `timeouts.total` allows")
        with network_errors(self.name, self.doing, self._patience):
            got = self._response.readinto(view)
        if not got and self._response.length:
            raise malformed(self.name, self.doing, "a body that ends too early")
        return got

    def text(self) -> bytes:
        """Return the whole body, where it is something to be parsed."""
        self._refuse_compressed()
        whole, block = bytearray(), memoryview(bytearray(BLOCK))
        while got := self.readinto(block):
            whole += block[:got]
            if len(whole) > LARGEST_TEXT:
                raise malformed(self.name, self.doing, "more text than fits into memory")
        return bytes(whole)

    def json(self) -> Json:
        """Return the body as JSON; an empty one is None, a web page in its place a NodeError."""
        body = self.text()
        if not body.strip():
            return None
        try:
            return cast("Json", json.loads(body))
        except (ValueError, RecursionError) as error:
            if "json" in self.content_type:
                raise malformed(self.name, self.doing, "JSON that is not whole") from error
            raise not_dicomweb(self.name, self.doing, self.content_type) from error

    def datasets(self) -> list[dict[str, Json]] | None:
        """Return the body as data sets of the DICOM JSON model (PS3.18 §F.2); None where it is empty."""
        parsed = self.json()
        if parsed is None:
            return None
        found = parsed if isinstance(parsed, list) else [parsed]
        datasets = [one for one in found if isinstance(one, dict) and all(map(_TAG.fullmatch, one))]
        if len(datasets) != len(found):
            raise not_dicomweb(self.name, self.doing, f"other {self.content_type or 'text'}")
        return datasets

    def drain(self) -> None:
        """Read what is left of a short body, so that the connection can go on; it may as well break off."""
        left = self._response.length
        if left is not None and left <= _DRAINED:
            block = memoryview(bytearray(_DRAINED))
            with suppress(NodeError):
                while self.readinto(block):
                    pass

    def _refuse_compressed(self) -> None:
        if self.header("Content-Encoding").lower() not in {"", "identity"}:
            raise malformed(self.name, self.doing, "a compressed body, which was not asked for")

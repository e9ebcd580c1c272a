"""Ask a DICOMweb service whether it is there: the smallest search there is, for one study."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass

from adit_cli.jobfile.dicomweb import DicomwebPeer
from adit_cli.nodes.dicomweb.connection import Ask, WebConnection
from adit_cli.nodes.dicomweb.failures import not_dicomweb
from adit_cli.nodes.dicomweb.source import service_path

_NO_CONTENT = 204


@dataclass(frozen=True, slots=True)
class WebEcho:
    """What a service said of itself."""

    url: str
    software: str
    """As its `Server` header names it; often empty."""
    seconds: float
    """From the connection to the answer."""


def web_echo(name: str, peer: DicomwebPeer) -> WebEcho:
    """Search for one study (QIDO-RS, PS3.18 §10.6); NodeError where that is not answered as it should be."""
    path = f"{service_path(peer.qido_prefix)}/studies"
    ask = Ask("QIDO-RS", path, "application/dicom+json", "limit=1")
    started = time.monotonic()
    with closing(WebConnection(name, peer)) as connection, connection.exchange(ask) as answer:
        answer.check()
        found = answer.json() if answer.status != _NO_CONTENT else None
        if found is not None and not isinstance(found, list):
            raise not_dicomweb(name, ask.doing, answer.content_type)
        return WebEcho(peer.url, answer.header("Server"), time.monotonic() - started)

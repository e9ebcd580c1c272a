"""The real peers of our tests in one place: Orthanc, DCMTK and pynetdicom, each as a context manager."""

from __future__ import annotations

from tests.support.ae import PynetdicomPeer, serving, storage_peer
from tests.support.dcmtk import Dcmtk, dcmqrscp, dcmsend, getscu, storescp, storescu
from tests.support.orthanc import Orthanc, orthanc
from tests.support.process import LOOPBACK, PeerError, free_port, listening, program, run

__all__ = [
    "LOOPBACK",
    "Dcmtk",
    "Orthanc",
    "PeerError",
    "PynetdicomPeer",
    "dcmqrscp",
    "dcmsend",
    "free_port",
    "getscu",
    "listening",
    "orthanc",
    "program",
    "run",
    "serving",
    "storage_peer",
    "storescp",
    "storescu",
]

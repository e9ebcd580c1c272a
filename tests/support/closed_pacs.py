"""An Orthanc that wants a password, behind TLS, as hospitals have it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from adit_cli.jobfile.dicomweb import DicomwebPeer
from tests.support.certificates import Authority, authority, server_context
from tests.support.orthanc import Orthanc, orthanc
from tests.support.process import LOOPBACK
from tests.support.tls_front import tls_front

USER = "adit"
PASSWORD = "p:äss wörd"  # noqa: S105 - made up


@dataclass(frozen=True, slots=True)
class ClosedPacs:
    """Where it is, and who signed its certificate."""

    port: int
    authority: Authority

    @property
    def url(self) -> str:
        """Its DICOMweb root."""
        return f"https://{LOOPBACK}:{self.port}/dicom-web"

    def node(self, password: str = PASSWORD) -> dict[str, object]:
        """The service as a config or job file has it."""
        auth = {"basic": {"username": USER, "password": password}}
        return {"url": self.url, "ca": str(self.authority.ca), "auth": auth}

    def spec(self, password: str = PASSWORD) -> DicomwebPeer:
        """The service as its model."""
        return DicomwebPeer.model_validate(self.node(password))


@contextmanager
def closed_orthanc(folder: Path) -> Generator[ClosedPacs]:
    """Run it for the `with` block."""
    ours = authority(folder / "authority")
    context = server_context(ours.certificate("orthanc"))
    with _with_password(folder / "orthanc") as server, tls_front(context, server.http_port) as port:
        yield ClosedPacs(port, ours)


@contextmanager
def _with_password(folder: Path) -> Generator[Orthanc]:
    options = {"AuthenticationEnabled": True, "RegisteredUsers": {USER: PASSWORD}}
    with orthanc(folder, dicomweb=True, options=options) as server:
        yield server

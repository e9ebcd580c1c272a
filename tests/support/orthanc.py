"""Orthanc as a peer: a real PACS with its own temporary storage, filled and asked through its REST API."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import NotRequired, TypedDict, cast

from tests.support.process import LOOPBACK, PeerError, free_port, listening

PLUGINS = Path("/usr/share/orthanc/plugins")
DICOMWEB_PLUGIN = PLUGINS / "libOrthancDicomWeb.so"

QUICK_AND_OPEN: dict[str, object] = {
    "AuthenticationEnabled": False,
    "DicomAlwaysAllowFind": True,
    "DicomAlwaysAllowGet": True,
    "DicomAlwaysAllowMove": True,
    "DicomScpTimeout": 60,
    "LoadPrivateDictionary": False,
    "OrthancExplorerEnabled": False,
    "OverwriteInstances": True,
    "SaveJobs": False,
    "StableAge": 1,
    "SyncStorageArea": False,
    "UnknownSopClassAccepted": True,
    "WebDavEnabled": False,
}


class Resource(TypedDict):
    """What Orthanc says of a patient, study, series or instance."""

    ID: str
    MainDicomTags: dict[str, str]
    ParentPatient: NotRequired[str]
    Series: NotRequired[list[str]]
    Instances: NotRequired[list[str]]


@dataclass(frozen=True, slots=True)
class Orthanc:
    """One running Orthanc."""

    ae_title: str
    port: int
    http_port: int
    folder: Path
    pid: int

    @property
    def address(self) -> str:
        """The node as a user types it."""
        return f"{self.ae_title}@{LOOPBACK}:{self.port}"

    @property
    def dicomweb_url(self) -> str:
        """Where the DICOMweb plugin answers, if it was asked for."""
        return f"http://{LOOPBACK}:{self.http_port}/dicom-web"

    def upload(self, files: Iterable[Path]) -> None:
        """Store Part-10 files; one that Orthanc refuses is an error."""
        for file in files:
            self.request("POST", "/instances", file.read_bytes())

    def register(self, name: str, ae_title: str, port: int) -> None:
        """Make an AE on this machine known, as C-MOVE needs it."""
        self.request("PUT", f"/modalities/{name}", {"AET": ae_title, "Host": LOOPBACK, "Port": port})

    def instances(self) -> dict[str, str]:
        """Return SOP Instance UID → Orthanc's own identifier of all it holds."""
        return {one["MainDicomTags"]["SOPInstanceUID"]: one["ID"] for one in self.found("Instance")}

    def studies(self) -> list[str]:
        """Return the Study Instance UIDs it holds."""
        return [one["MainDicomTags"]["StudyInstanceUID"] for one in self.found("Study")]

    def statistics(self) -> dict[str, int | str]:
        """Return how much it holds, as it counts itself."""
        return cast("dict[str, int | str]", self.json("/statistics"))

    def arrivals(self) -> int:
        """Return how many instances ever arrived, those that replaced others included."""
        answer = cast("dict[str, list[dict[str, object]]]", self.json("/changes?limit=100000"))
        return sum(change["ChangeType"] == "NewInstance" for change in answer["Changes"])

    def file(self, sop_instance_uid: str) -> bytes:
        """Return one instance as Orthanc keeps it."""
        return self.request("GET", f"/instances/{self.instances()[sop_instance_uid]}/file")

    def files(self) -> dict[str, bytes]:
        """Return all instances by SOP Instance UID."""
        return {uid: self.request("GET", f"/instances/{own}/file") for uid, own in self.instances().items()}

    def clear(self) -> None:
        """Forget all patients, and the AEs that a test registered."""
        for kind in ("patients", "modalities"):
            for identifier in cast("list[str]", self.json(f"/{kind}")):
                self.request("DELETE", f"/{kind}/{identifier}")

    def json(self, path: str) -> object:
        """Return the answer to a GET."""
        return cast("object", json.loads(self.request("GET", path)))

    def request(self, method: str, path: str, body: object = None) -> bytes:
        """Send bytes, or anything else as JSON; an answer other than 2xx is an error."""
        payload = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        connection = HTTPConnection(LOOPBACK, self.http_port, timeout=60)
        try:
            connection.request(method, path, payload)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status >= 300:
            raise PeerError(f"Orthanc answered {answer.status} to {method} {path}: {content[:500]!r}")
        return content

    def found(self, level: str) -> list[Resource]:
        """Return what it holds at a level of its own: Patient, Study, Series or Instance."""
        answer = self.request("POST", "/tools/find", {"Level": level, "Query": {}, "Expand": True})
        return cast("list[Resource]", json.loads(answer))


@contextmanager
def orthanc(
    folder: Path,
    *,
    ae_title: str = "ORTHANC",
    dicomweb: bool = False,
    options: Mapping[str, object] | None = None,
    env: Mapping[str, str] | None = None,
) -> Generator[Orthanc]:
    """Run an Orthanc that keeps everything in `folder`; `options` are those of its configuration file."""
    folder.mkdir(parents=True, exist_ok=True)
    port, http_port = free_port(), free_port()
    settings = folder / "orthanc.json"
    settings.write_text(
        json.dumps(_settings(folder, ae_title, port, http_port, dicomweb=dicomweb) | dict(options or {}))
    )
    with listening(["Orthanc", settings], [http_port, port], folder / "orthanc.log", env=env) as process:
        yield Orthanc(ae_title, port, http_port, folder, process.pid)


def _settings(folder: Path, ae_title: str, port: int, http_port: int, *, dicomweb: bool) -> dict[str, object]:
    if dicomweb and not DICOMWEB_PLUGIN.is_file():
        raise PeerError(f"{DICOMWEB_PLUGIN} is missing; ./run-tests installs orthanc-dicomweb")
    return QUICK_AND_OPEN | {
        "Name": ae_title,
        "DicomAet": ae_title,
        "DicomPort": port,
        "HttpPort": http_port,
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "TemporaryDirectory": str(folder),
        "Plugins": [str(DICOMWEB_PLUGIN)] if dicomweb else [],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/", "EnableWado": True, "Host": LOOPBACK},
    }

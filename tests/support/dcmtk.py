"""DCMTK's programs as peers: storage and Query/Retrieve SCPs for a `with` block, SCUs as one call."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.process import LOOPBACK, free_port, listening, run


@dataclass(frozen=True, slots=True)
class Dcmtk:
    """A running SCP of DCMTK."""

    ae_title: str
    port: int
    folder: Path
    pid: int

    @property
    def address(self) -> str:
        """The node as a user types it."""
        return f"{self.ae_title}@{LOOPBACK}:{self.port}"

    def files(self) -> list[Path]:
        """Return what it holds, without its index and log."""
        return sorted(path for path in self.folder.rglob("*") if path.is_file() and path.suffix == ".dcm")


@contextmanager
def storescp(
    folder: Path, *options: str, ae_title: str = "STORESCP", env: Mapping[str, str] | None = None
) -> Generator[Dcmtk]:
    """Run a storage SCP that writes what comes, bit by bit, to `folder/received/<SOPInstanceUID>.dcm`."""
    received = folder / "received"
    received.mkdir(parents=True, exist_ok=True)
    port = free_port()
    command = ["storescp", "--bit-preserving", "--promiscuous", "--accept-all", "--unique-filenames"]
    if options:
        command = ["storescp", *options]
    command += [
        "--filename-extension",
        ".dcm",
        "--output-directory",
        str(received),
        "--aetitle",
        ae_title,
        str(port),
    ]
    with listening(command, [port], folder / "storescp.log", env=env) as process:
        yield Dcmtk(ae_title, port, received, process.pid)


@contextmanager
def dcmqrscp(
    folder: Path,
    files: Sequence[Path] = (),
    *,
    ae_title: str = "DCMQRSCP",
    move_targets: Mapping[str, int] | None = None,
    options: Sequence[str] = (),
) -> Generator[Dcmtk]:
    """Run DCMTK's Query/Retrieve SCP with these files in it; `move_targets` are AE titles and ports."""
    archive = folder / "archive"
    archive.mkdir(parents=True, exist_ok=True)
    port = free_port()
    settings = folder / "dcmqrscp.cfg"
    settings.write_text(_settings(ae_title, port, archive, move_targets or {}))
    command = ["dcmqrscp", *options, "--config", str(settings), str(port)]
    with listening(command, [port], folder / "dcmqrscp.log") as process:
        if files:
            dcmsend(port, files, ae_title=ae_title)
        yield Dcmtk(ae_title, port, archive, process.pid)


def storescu(port: int, files: Sequence[Path], *options: str, ae_title: str = "ANY-SCP") -> str:
    """Send uncompressed files with DCMTK's storescu, proposing only what they need."""
    return run(["storescu", "--required", *options, "--call", ae_title, LOOPBACK, str(port), *files])


def dcmsend(port: int, files: Sequence[Path], *, ae_title: str = "ANY-SCP") -> str:
    """Send files of any transfer syntax, as they are, with DCMTK's dcmsend."""
    return run(["dcmsend", "--decompress-never", "--call", ae_title, LOOPBACK, str(port), *files])


def getscu(
    port: int, folder: Path, study_uid: str, *, ae_title: str = "ANY-SCP", calling: str = "GETSCU"
) -> list[Path]:
    """Fetch a study with DCMTK by C-GET."""
    folder.mkdir(parents=True, exist_ok=True)
    level = ["--study", "--key", "QueryRetrieveLevel=STUDY", "--key", f"StudyInstanceUID={study_uid}"]
    where = ["--output-directory", folder, "--aetitle", calling, "--call", ae_title, LOOPBACK, str(port)]
    run(["getscu", "--bit-preserving", *level, *where])
    return sorted(folder.iterdir())


def _settings(ae_title: str, port: int, archive: Path, targets: Mapping[str, int]) -> str:
    hosts = "".join(f"{name.lower()} = ({name}, {LOOPBACK}, {target})\n" for name, target in targets.items())
    return (
        f"NetworkTCPPort = {port}\nMaxPDUSize = 131072\nMaxAssociations = 32\n"
        f"HostTable BEGIN\n{hosts}HostTable END\nVendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\n{ae_title} {archive} RW (500, 4096mb) ANY\nAETable END\n"
    )

"""DICOMweb: WADO-RS beside curl and dicomweb-client, STOW-RS beside curl, and what 2 GB take in memory."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfileobj

from benchmarks.adit import adit, python
from benchmarks.data import Made, study
from benchmarks.measure import Contender, Row, Sample, Settings, Target
from benchmarks.processes import emptied, expect_files, fresh, timed
from tests.support.orthanc import Orthanc, orthanc
from tests.support.process import PeerError

LARGE_STUDY, MEMORY_LIMIT = 4000, 250e6
"""Slices of a study of 2 GB, and the bytes that a worker may take."""
BOUNDARY = "a-boundary-that-only-benchmarks-have"
DICOM = 'multipart/related; type="application/dicom"'


@contextmanager
def _archive(settings: Settings, name: str, instances: int) -> Generator[tuple[Made, Path, Orthanc]]:
    """Yield a study, a folder to work in and an Orthanc with DICOMweb."""
    made, work = study(settings.folder, instances), emptied(settings.folder / f"work-{name}")
    with orthanc(work / "orthanc", dicomweb=True) as server:
        yield made, work, server


@contextmanager
def wado(settings: Settings) -> Generator[Row]:
    """One study from Orthanc to a folder, by WADO-RS."""
    with _archive(settings, "wado", settings.instances) as (made, work, server):
        server.upload(made.files)
        url, out = server.dicomweb_url, work / "out"

        def fetched(run: Callable[[], Sample], files: int) -> Sample:
            fresh(out)
            sample = run()
            expect_files(out, files)
            return sample

        def curl() -> Sample:
            accept = ["-H", f"Accept: {DICOM}; transfer-syntax=*"]
            return timed(
                ["curl", "-sf", *accept, "-o", out / "study", f"{url}/studies/{made.uid}"], work / "curl.log"
            )

        def ours(*options: str) -> Sample:
            return fetched(lambda: adit(work, "get", url, made.uid, "-o", out, *options), made.instances)

        client = [url, made.uid, out]
        yield Row(
            f"WADO-RS of {made.instances} CT slices from Orthanc to a folder",
            (
                Contender("adit get --no-sync", lambda: ours("--no-sync")),
                Contender("adit get, fsync", ours),
                Contender("curl, the answer in one file", lambda: fetched(curl, 1)),
                Contender(
                    "dicomweb-client iter_study",
                    lambda: fetched(
                        lambda: python(work, "-m", "benchmarks.web_client", *client), made.instances
                    ),
                    rounds=2,
                ),
            ),
            (
                Target(1.5, "curl, the answer in one file"),
                Target(1.5, "curl, the answer in one file", of="adit get, fsync"),
                Target(1 / 2, "dicomweb-client iter_study", of="adit get, fsync"),
            ),
        )


@contextmanager
def stow(settings: Settings) -> Generator[Row]:
    """One folder to Orthanc, by STOW-RS."""
    with _archive(settings, "stow", settings.instances) as (made, work, server):
        url, body = server.dicomweb_url, work / "body"
        _write_body(made.files, body)

        def curl() -> Sample:
            headers = ["-H", f"Content-Type: {DICOM}; boundary={BOUNDARY}", "-H", "Expect:"]
            command = ["curl", "-sf", "-X", "POST", *headers, "-T", body, "-o", work / "answer"]
            return timed([*command, f"{url}/studies"], work / "curl.log")

        yield Row(
            f"STOW-RS of {made.instances} CT slices to Orthanc",
            (
                Contender(
                    "adit send", lambda: _stored(server, made, lambda: adit(work, "send", url, made.folder))
                ),
                Contender("curl, one request", lambda: _stored(server, made, curl)),
            ),
            (Target(1.2, "curl, one request"),),
        )


@contextmanager
def memory(settings: Settings) -> Generator[Row]:
    """Peak memory of a study of 2 GB, by WADO-RS and by STOW-RS."""
    instances = max(min(LARGE_STUDY, settings.instances * 2), 1)
    with _archive(settings, "web-memory", instances) as (made, work, server):
        url, out = server.dicomweb_url, work / "out"

        def fetched() -> Sample:
            fresh(out)
            sample = adit(work, "get", url, made.uid, "-o", out)
            expect_files(out, made.instances)
            emptied(out)
            return sample

        yield Row(
            f"memory: a study of {made.instances} slices over DICOMweb",
            (
                Contender(
                    "adit send, STOW-RS",
                    lambda: _stored(server, made, lambda: adit(work, "send", url, made.folder)),
                    rounds=1,
                ),
                Contender("adit get, WADO-RS", fetched, rounds=1),
            ),
            (
                Target(MEMORY_LIMIT, measure="memory"),
                Target(MEMORY_LIMIT, measure="memory", of="adit get, WADO-RS"),
            ),
            measure="memory",
        )


def _stored(server: Orthanc, made: Made, run: Callable[[], Sample]) -> Sample:
    server.clear()
    sample = run()
    if len(server.instances()) != made.instances:
        raise PeerError(f"Orthanc does not hold {made.instances} instances")
    return sample


def _write_body(files: list[Path], body: Path) -> None:
    """Write the multipart body that STOW-RS posts, as one file."""
    with body.open("wb") as output:
        for head, file in _parts(files):
            output.write(head)
            with file.open("rb") as content:
                copyfileobj(content, output, 1 << 20)
        output.write(f"\r\n--{BOUNDARY}--\r\n".encode())


def _parts(files: list[Path]) -> Iterator[tuple[bytes, Path]]:
    head = f"\r\n--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    return ((head, file) for file in files)

"""Fixtures of every test, and the rule that nothing is skipped."""

from __future__ import annotations

import logging
import signal
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.peers import Dcmtk, Orthanc, PynetdicomPeer, orthanc, storage_peer, storescp

settings.register_profile("adit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("adit")  # how quick a busy machine is says nothing about the code

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell's background job ignores Ctrl-C, and hands that on to every program that a test starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skipped test into a failed one: what is missing must be installed, not passed over."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"a test may not be skipped: {report.longrepr}"
    return report


@pytest.fixture(autouse=True)
def log_level() -> Generator[None]:
    """Put our log level back: command lines that tests run in this process set it."""
    ours = logging.getLogger("adit_cli")
    level = ours.level
    yield
    ours.setLevel(level)


@pytest.fixture(scope="session")
def running_orthanc(tmp_path_factory: pytest.TempPathFactory) -> Generator[Orthanc]:
    """One Orthanc for the whole session; take `pacs`, which is emptied for each test."""
    with orthanc(tmp_path_factory.mktemp("orthanc"), ae_title="ORTHANC", dicomweb=True) as server:
        yield server


@pytest.fixture(scope="session")
def second_running_orthanc(tmp_path_factory: pytest.TempPathFactory) -> Generator[Orthanc]:
    """Another Orthanc for the whole session; take `research_pacs`."""
    with orthanc(tmp_path_factory.mktemp("research"), ae_title="RESEARCH") as server:
        yield server


@pytest.fixture
def pacs(running_orthanc: Orthanc) -> Orthanc:
    """An empty Orthanc, to be filled and read from."""
    running_orthanc.clear()
    return running_orthanc


@pytest.fixture
def research_pacs(second_running_orthanc: Orthanc) -> Orthanc:
    """A second, empty Orthanc, to send to."""
    second_running_orthanc.clear()
    return second_running_orthanc


@pytest.fixture
def storage_scp(tmp_path: Path) -> Generator[Dcmtk]:
    """DCMTK's storescp."""
    with storescp(tmp_path / "storescp") as server:
        yield server


@pytest.fixture
def peer() -> Generator[PynetdicomPeer]:
    """A pynetdicom AE that keeps what it is sent."""
    with storage_peer() as server:
        yield server

"""Studies by C-MOVE from real archives, through the machine's receiver, and straight to another server."""

from __future__ import annotations

import fcntl
import socket
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adit_cli.nodes.inbox import Inbox
from tests.support.builders import BuiltStudy, build_study
from tests.support.peers import LOOPBACK, Orthanc, dcmqrscp, free_port
from tests.support.program import Adit

pytestmark = pytest.mark.peers


class Machine:
    """A machine with one config: an archive that is asked to move, and a receiver."""

    def __init__(self, root: Path, archive: str) -> None:
        self.root = root
        self.port = free_port()
        self.adit = Adit(root / "adit")
        self.adit.folder.mkdir(parents=True)
        self.configure(archive)

    def configure(self, archive: str, more: str = "") -> None:
        (self.adit.folder / "adit.yaml").write_text(
            f"receiver: {{ae_title: ADIT, host: {LOOPBACK}, port: {self.port}}}\n"
            f"nodes:\n  pacs: {{dimse: {{{_mapping(archive)}, settle: 30}}, retrieve: [c-move]}}\n{more}"
        )

    def job(self, name: str, study: BuiltStudy, destination: str, more: str = "") -> Path:
        path = self.root / f"{name}.yaml"
        path.write_text(
            f"adit: 1\nname: {name}\nsource: pacs\ndestinations: {destination}\n"
            f"select: {{studies: {{uids: [{study.uid}]}}}}\n{more}"
        )
        return path

    @property
    def inbox(self) -> Inbox:
        return Inbox(self.adit.folder / "state" / "inbox")

    def assert_clean(self) -> None:
        """Nothing of a study is left, and a receiver that a job started has ended."""
        with (self.inbox.folder / ".receiver").open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)  # free when it has ended
        lock = self.inbox.serve()
        assert lock is not None
        lock.close()
        assert [path for path in self.inbox.folder.iterdir() if not path.name.startswith(".")] == []

    @contextmanager
    def receiving(self, *options: str) -> Generator[subprocess.Popen[str]]:
        """Run `adit receive` from when it is ready to its orderly end."""
        with self.adit.start("receive", *options) as process:
            assert process.stderr is not None
            assert "receives on port" in process.stderr.readline()
            try:
                yield process
            finally:
                process.terminate()
                process.communicate(timeout=60)
        assert process.returncode == 0


def _mapping(address: str) -> str:
    ae_title, _, place = address.partition("@")
    host, _, port = place.partition(":")
    return f"ae_title: {ae_title}, host: {host}, port: {port}"


def instances(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.rglob("*.dcm"))


@pytest.fixture
def study(tmp_path: Path) -> BuiltStudy:
    return build_study(tmp_path / "made", modalities=("CT", "MR"), instances=6, size=64)


def test_job_fetches_from_orthanc_with_a_receiver_of_its_own(
    tmp_path: Path, pacs: Orthanc, study: BuiltStudy
) -> None:
    machine = Machine(tmp_path, pacs.address)
    pacs.upload(study.files)
    pacs.register("adit", "ADIT", machine.port)
    job = machine.job("move", study, f"{{folder: {tmp_path / 'out'}}}", "pseudonyms: {from: key}\n")

    ended = machine.adit("transfer", job)

    assert ended.code == 0, ended.err
    assert len(instances(tmp_path / "out")) == len(study.instance_uids)
    machine.assert_clean()


def test_get_takes_single_series_from_dcmqrscp(tmp_path: Path, study: BuiltStudy) -> None:
    port = free_port()
    with dcmqrscp(tmp_path / "pacs", study.files, move_targets={"ADIT": port}) as archive:
        machine = Machine(tmp_path, archive.address)
        machine.port = port
        machine.configure(archive.address)
        wanted = study.series[1]

        ended = machine.adit("get", "pacs", study.uid, "--series", wanted.uid, "-o", tmp_path / "out")

    assert ended.code == 0, ended.err
    assert instances(tmp_path / "out") == sorted(wanted.instance_uids)
    machine.assert_clean()


def test_two_jobs_that_move_one_study_at_once_share_a_running_receiver(
    tmp_path: Path, pacs: Orthanc, study: BuiltStudy
) -> None:
    machine = Machine(tmp_path, pacs.address)
    pacs.upload(study.files)
    pacs.register("adit", "ADIT", machine.port)
    jobs = [machine.job(name, study, f"{{folder: {tmp_path / name}}}") for name in ("one", "two")]

    with machine.receiving():
        running = [machine.adit.start("transfer", job) for job in jobs]
        ended = [process.communicate(timeout=120)[1] for process in running]

    assert [process.returncode for process in running] == [0, 0], ended
    for name in ("one", "two"):
        assert instances(tmp_path / name) == sorted(study.instance_uids)
    machine.assert_clean()


def test_job_says_who_holds_the_port_of_the_receiver(
    tmp_path: Path, pacs: Orthanc, study: BuiltStudy
) -> None:
    machine = Machine(tmp_path, pacs.address)
    pacs.upload(study.files)

    with socket.create_server((LOOPBACK, machine.port)):
        ended = machine.adit("get", "pacs", study.uid, "-o", tmp_path / "out")

    assert ended.code == 6
    assert f"Port {machine.port} cannot be listened on" in ended.err
    assert "by py" in ended.err
    assert "(process" in ended.err


def test_archive_that_does_not_know_us_is_told_with_what_to_register(
    tmp_path: Path, pacs: Orthanc, study: BuiltStudy
) -> None:
    machine = Machine(tmp_path, pacs.address)
    pacs.upload(study.files)

    ended = machine.adit("get", "pacs", study.uid, "-o", tmp_path / "out")

    assert ended.code == 6
    assert f"AE title ADIT is registered there, at {LOOPBACK} port {machine.port}" in ended.err


def test_move_that_an_archive_refuses_without_a_reason_says_what_must_hold(
    tmp_path: Path, pacs: Orthanc, study: BuiltStudy
) -> None:
    machine = Machine(tmp_path, pacs.address)
    pacs.upload(study.files)

    ended = machine.adit("move", "pacs", study.uid, "--to", "THERE")

    assert ended.code == 6
    assert "refused C-MOVE to THERE (0x" in ended.err
    assert f"THERE is registered there, runs and lets {pacs.ae_title} in" in ended.err


def test_second_receiver_of_a_machine_is_refused_and_names_the_first(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "PACS@127.0.0.1:104")

    with machine.receiving() as first:
        ended = machine.adit("receive", "--port", "0")

    assert ended.code == 2
    assert f"process {first.pid}" in ended.err


def test_direct_job_has_orthanc_send_to_another_one_and_looks_there(
    tmp_path: Path, pacs: Orthanc, research_pacs: Orthanc, study: BuiltStudy
) -> None:
    machine = Machine(tmp_path, pacs.address)
    pacs.upload(study.files)
    pacs.register("research", research_pacs.ae_title, research_pacs.port)
    job = machine.job("direct", study, f"{{dimse: {research_pacs.address}}}", "direct: true\n")

    ended = machine.adit("transfer", job)
    again = machine.adit("transfer", job)

    assert (ended.code, again.code) == (0, 0), ended.err
    assert sorted(research_pacs.instances()) == sorted(study.instance_uids)
    assert research_pacs.arrivals() == len(study.instance_uids)
    assert not machine.inbox.folder.exists()


def test_move_sends_what_is_missing_and_names_what_nobody_has(
    tmp_path: Path, pacs: Orthanc, research_pacs: Orthanc, study: BuiltStudy
) -> None:
    machine = Machine(tmp_path, pacs.address)
    machine.configure(pacs.address, f"  research: {{dimse: {research_pacs.address}}}\n")
    pacs.upload(study.files)
    pacs.register("research", research_pacs.ae_title, research_pacs.port)
    research_pacs.upload(study.files[:2])
    before = research_pacs.arrivals()

    ended = machine.adit("move", "pacs", study.uid, "1.2.3", "--to", "research")

    total = len(study.instance_uids)
    assert ended.code == 3
    assert f"{study.uid}: {total} of {total} instances are at {research_pacs.ae_title}" in ended.err
    assert "1.2.3: the source has no such study" in ended.err
    assert research_pacs.arrivals() - before == total - 2


def test_receiver_files_by_a_layout_what_a_registered_archive_moves(
    tmp_path: Path, pacs: Orthanc, study: BuiltStudy
) -> None:
    machine = Machine(tmp_path, pacs.address)
    pacs.upload(study.files)
    pacs.register("adit", "ADIT", machine.port)

    with machine.receiving("-o", str(tmp_path / "in"), "--layout", "{Modality}/{SOPInstanceUID}.dcm"):
        ended = machine.adit("move", "pacs", study.uid, "--to", "ADIT")

    assert ended.code == 0, ended.err
    for series in study.series:
        assert instances(tmp_path / "in" / series.modality) == sorted(series.instance_uids)

"""What goes wrong at the other end is said in words, with an exit code, and nothing half-done stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.events import Event

from adit_cli.nodes.demo import DemoPacs, demo_studies
from adit_cli.nodes.demo.catalog import read
from adit_cli.nodes.demo.sample import STUDIES
from tests.support.ae import stored_uid
from tests.support.builders import BuiltStudy, build_study, file_tree
from tests.support.peers import LOOPBACK, Orthanc, free_port, orthanc, storage_peer, storescp
from tests.support.program import Adit, write_job

pytestmark = pytest.mark.peers


@pytest.fixture
def adit(tmp_path: Path) -> Adit:
    return Adit(tmp_path / "adit")


def test_nothing_listens_there(adit: Adit) -> None:
    address = f"PACS@{LOOPBACK}:{free_port()}"

    ended = adit("echo", address)

    assert ended.code == 6
    assert address.partition("@")[2] in ended.err


def test_an_unreachable_source_ends_a_job_with_code_6(adit: Adit, tmp_path: Path) -> None:
    source = f"PACS@{LOOPBACK}:{free_port()}"
    job = write_job(
        tmp_path / "job.yaml", source, [str(tmp_path / "out")], "{uids: [1.2.3]}", "run: {attempts: 1}"
    )

    ended = adit("transfer", job)

    assert (ended.code, list((tmp_path / "out").glob("*"))) == (6, []), ended.err


def test_a_wrong_called_ae_title_is_named(adit: Adit, tmp_path: Path) -> None:
    with orthanc(tmp_path / "strict", options={"DicomCheckCalledAet": True}) as strict:
        ended = adit("echo", f"OTHER@{LOOPBACK}:{strict.port}")

    assert ended.code == 6
    assert "does not answer to that AE title" in ended.err
    assert "OTHER" in ended.err


def test_a_peer_that_does_not_know_us_says_which_ae_title_to_register(adit: Adit) -> None:
    def known_only(ae: AE) -> None:
        ae.require_calling_aet = ["SOMEONE"]

    with storage_peer(configure=known_only) as peer:
        ended = adit("echo", peer.address, "--aet", "STRANGER")

    assert ended.code == 6
    assert "does not know our AE title" in ended.err
    assert "STRANGER" in ended.err


def test_a_destination_that_refuses_associations_fails_the_study(
    adit: Adit, pacs: Orthanc, tmp_path: Path
) -> None:
    study = build_study(tmp_path / "made")
    pacs.upload(study.files)

    with storescp(tmp_path / "refusing", "--refuse") as refusing:
        uids = f"{{uids: [{study.uid}]}}"
        job = write_job(tmp_path / "job.yaml", pacs.address, [refusing.address], uids, "run: {attempts: 1}")
        ended = adit("transfer", job)
        status = adit("status", job, "--format", "ndjson")

    assert ended.code in {3, 6}, ended.err
    assert '"failure"' in status.out


def test_an_unknown_study_is_not_found(adit: Adit, pacs: Orthanc, tmp_path: Path) -> None:
    job = write_job(tmp_path / "job.yaml", pacs.address, [str(tmp_path / "out")], "{uids: [1.2.3.4]}")

    ended = adit("transfer", job)
    status = adit("status", job, "--failed")

    assert ended.code == 3
    assert "1.2.3.4" in status.out


class Forgetful(DemoPacs):
    """Leaves the last image of a study out and says Success all the same, as some archives do."""

    def _on_get(self, event: Event) -> Iterator[int | tuple[int, Dataset | None]]:
        paths = self._catalog.paths(event.identifier)
        keep = paths[:-1] if len(paths) > 1 else []
        yield len(keep)
        for path in keep:
            yield 0xFF00, read(path)


def test_success_that_is_none_ends_in_a_warning_and_names_what_is_missing(adit: Adit, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    study = build_study(archive, instances=5)

    with Forgetful(archive) as forgetful:
        source = f"{forgetful.ae_title}@{LOOPBACK}:{forgetful.port}"
        more = "run: {attempts: 2, retry_after: 0}"
        job = write_job(
            tmp_path / "job.yaml", source, [str(tmp_path / "out")], f"{{uids: [{study.uid}]}}", more
        )
        ended = adit("transfer", job)
        status = adit("status", job, "--format", "ndjson")

    assert ended.code == 3
    assert '"incomplete"' in status.out
    assert 1 <= len(file_tree(tmp_path / "out")) < 5


class Choosy(DemoPacs):
    """Lists a study and refuses to hand it over, as archives do with what is on a lost tape."""

    refused = ""

    def _on_get(self, event: Event) -> Iterator[int | tuple[int, Dataset | None]]:
        if event.identifier.StudyInstanceUID == self.refused:
            yield 1
            yield 0xC000, None
            return
        yield from super()._on_get(event)


def test_a_study_that_is_refused_does_not_keep_the_others_away(adit: Adit, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    first, second = (build_study(archive, instances=2) for _ in range(2))

    with Choosy(archive) as choosy:
        choosy.refused = first.uid
        node = f"{choosy.ae_title}@{LOOPBACK}:{choosy.port}"
        ended = adit("get", node, first.uid, second.uid, "-o", tmp_path / "out")

    assert ended.code == 3
    assert all(uid in ended.err for uid in first.instance_uids)
    assert {path.stem for path in (tmp_path / "out").rglob("*.dcm")} == set(second.instance_uids)


def job_from_folder(folder: Path, images: Path, study: BuiltStudy, destination: str) -> Path:
    """Return a job that moves a study from a folder and fails at once where it has to."""
    uids = f"{{uids: [{study.uid}]}}"
    return write_job(folder / "job.yaml", str(images), [destination], uids, "run: {attempts: 1}")


def test_an_image_at_which_a_destination_aborts_does_not_keep_the_others_away(
    adit: Adit, tmp_path: Path
) -> None:
    study = build_study(tmp_path / "images", instances=6)
    bad, held = study.instance_uids[2], set[str]()

    def store(event: Event) -> int:
        if stored_uid(event) == bad:
            event.assoc.abort()
        else:
            held.add(stored_uid(event))
        return 0

    with storage_peer(on_store=store) as peer:
        sent = adit("send", peer.address, tmp_path / "images")
        job = job_from_folder(tmp_path, tmp_path / "images", study, peer.address)
        moved = adit("transfer", job)
        status = adit("status", job, "--failed")

    assert (sent.code, moved.code, held) == (3, 3, set(study.instance_uids) - {bad})
    assert "5 files accepted, 1 refused" in sent.err
    assert "aborted the association" in sent.err
    assert "of 6 instances 1 not taken" in status.out
    assert bad in status.out


@pytest.mark.parametrize(("status", "code"), [(0xB000, 0), (0xB006, 3)])
def test_warnings_of_a_destination_are_told(adit: Adit, tmp_path: Path, status: int, code: int) -> None:
    study = build_study(tmp_path / "images", instances=2)

    with storage_peer(on_store=lambda _: status) as peer:
        sent = adit("send", peer.address, tmp_path / "images")
        job = job_from_folder(tmp_path, tmp_path / "images", study, peer.address)
        moved = adit("transfer", job)
        told = adit("status", job, "--format", "ndjson")

    assert (sent.code, moved.code) == (code, code)
    assert "2 files accepted:" in sent.err
    assert f"0x{status:04X}, some data elements were" in sent.err
    assert f"0x{status:04X}, some data elements were" in told.out


def test_a_demo_study_can_be_fetched_from_the_demo_pacs(adit: Adit, tmp_path: Path) -> None:
    images = demo_studies(tmp_path / "archive")

    with DemoPacs(tmp_path / "archive") as pacs:
        node = f"{pacs.ae_title}@{LOOPBACK}:{pacs.port}"
        found = adit("query", node, "--accession", STUDIES[0].accession_number, "--format", "uid")
        ended = adit("get", node, "-", "-o", tmp_path / "out", stdin=found.out)

    got = {path.name: path.read_bytes() for path in (tmp_path / "out").rglob("*.dcm")}
    assert (ended.code, len(got)) == (0, 26), ended.err
    assert set(got) <= {path.name for path in images}

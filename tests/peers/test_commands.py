from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from adit_cli.dicom.files import part10_header, read_file_meta
from tests.support.builders import BuiltStudy, build_study
from tests.support.peers import LOOPBACK, Dcmtk, Orthanc, free_port, storescu
from tests.support.program import Adit

pytestmark = pytest.mark.peers


@pytest.fixture
def adit(tmp_path: Path) -> Adit:
    return Adit(tmp_path / "adit")


@pytest.fixture
def study(pacs: Orthanc, tmp_path: Path) -> BuiltStudy:
    """A study of a CT and an MR series in Orthanc."""
    made = build_study(tmp_path / "made", modalities=("CT", "MR"), instances=4)
    pacs.upload(made.files)
    return made


def names(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.rglob("*.dcm"))


@pytest.mark.parametrize("level", ["patient", "study", "series", "instance"])
def test_orthanc_answers_at_every_level(adit: Adit, pacs: Orthanc, study: BuiltStudy, level: str) -> None:
    ended = adit("query", pacs.address, "--level", level, "--format", "uid")

    expected = {
        "patient": [study.patient_id],
        "study": [study.uid],
        "series": [series.uid for series in study.series],
        "instance": study.instance_uids,
    }
    assert sorted(ended.out.split()) == sorted(expected[level]), ended.err


def test_a_found_study_is_fetched_whole_through_a_pipe(
    adit: Adit, pacs: Orthanc, study: BuiltStudy, tmp_path: Path
) -> None:
    found = adit("query", pacs.address, "--modality", "MR", "--format", "uid")

    ended = adit("get", pacs.address, "-", "-o", tmp_path / "out", stdin=found.out)

    assert ended.code == 0, ended.err
    assert names(tmp_path / "out" / study.uid) == sorted(study.instance_uids)


def test_one_series_is_fetched_without_naming_its_study(
    adit: Adit, pacs: Orthanc, study: BuiltStudy, tmp_path: Path
) -> None:
    ended = adit("get", pacs.address, "--series", study.series[1].uid, "-o", tmp_path / "out")

    assert ended.code == 0, ended.err
    assert names(tmp_path / "out") == sorted(study.series[1].instance_uids)


def test_sent_files_are_in_orthanc(adit: Adit, pacs: Orthanc, tmp_path: Path) -> None:
    made = build_study(tmp_path / "made", modalities=("CT", "MR"))

    ended = adit("send", pacs.address, made.folder)

    assert (ended.code, "6 files accepted" in ended.err) == (0, True), ended.err
    assert adit("query", pacs.address, "--format", "uid").out == f"{made.uid}\n"


def test_storescp_holds_what_was_sent_byte_for_byte(adit: Adit, storage_scp: Dcmtk, tmp_path: Path) -> None:
    made = build_study(tmp_path / "made")

    ended = adit("send", storage_scp.address, *made.files)

    assert ended.code == 0, ended.err
    assert len(storage_scp.files()) == len(made.files)


def test_received_files_are_filed_and_ctrl_c_sums_up(adit: Adit, tmp_path: Path) -> None:
    made, port = build_study(tmp_path / "made"), free_port()
    process = adit.start("receive", "--aet", "RX", "--port", str(port), "-o", tmp_path / "in")
    assert process.stderr is not None
    try:
        assert "RX receives on port" in process.stderr.readline()
        storescu(port, made.files, ae_title="RX")
    finally:
        os.kill(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)

    assert process.returncode == 0, err
    assert "received 3 instances" in err
    assert names(tmp_path / "in" / made.uid) == sorted(made.instance_uids)


def test_echo_says_what_orthanc_offers(adit: Adit, pacs: Orthanc) -> None:
    ended = adit("echo", pacs.address)

    assert ended.code == 0
    assert "offers C-ECHO, C-FIND, C-GET, C-MOVE" in ended.out


def test_a_receiver_on_a_taken_port_says_so(adit: Adit, pacs: Orthanc, tmp_path: Path) -> None:
    ended = adit("receive", "--port", str(pacs.port), "--host", LOOPBACK, "-o", tmp_path / "in")

    assert ended.code == 2
    assert str(pacs.port) in ended.err


def test_the_demo_runs_a_job_and_shows_what_came_out(adit: Adit) -> None:
    ended = adit("demo")

    folder = adit.folder / "adit-demo"
    assert ended.code == 0, ended.err
    assert len(list((folder / "out").rglob("*.dcm"))) == 96
    assert len(list((folder / "research").rglob("*.dcm"))) == 96
    assert "LUNG-001/" in ended.out
    assert "PatientName" in ended.out
    assert adit("check", folder / "demo.yaml").code == 0
    assert "5 success" in adit("status", "demo", "--state-dir", folder / "state").out


def test_the_demo_leaves_a_folder_of_others_alone(adit: Adit) -> None:
    adit.folder.mkdir(parents=True)
    (adit.folder / "adit-demo").mkdir()
    (adit.folder / "adit-demo" / "mine.txt").write_text("keep")

    ended = adit("demo")

    assert ended.code == 2
    assert [path.name for path in (adit.folder / "adit-demo").iterdir()] == ["mine.txt"]


def test_echo_asks_a_server_that_has_only_dicomweb(adit: Adit, pacs: Orthanc) -> None:
    ended = adit("echo", pacs.dicomweb_url)
    wrong = adit("echo", f"http://{LOOPBACK}:{pacs.http_port}/elsewhere")

    assert ended.code == 0, ended.err
    assert f"{pacs.dicomweb_url} answers QIDO-RS in" in ended.out
    assert wrong.code == 6
    assert "QIDO-RS" in wrong.err


def test_echo_says_which_of_two_ways_answers(adit: Adit, pacs: Orthanc, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    gone = f"GONE@{LOOPBACK}:{free_port()}"
    config.write_text(
        f"nodes:\n  both: {{dimse: {pacs.address}, dicomweb: {pacs.dicomweb_url}}}\n"
        f"  half: {{dimse: {gone}, dicomweb: {pacs.dicomweb_url}}}\n"
    )

    both = adit("echo", "both", "--config", config)
    half = adit("echo", "half", "--config", config)
    every = adit("nodes", "test", "--config", config)

    assert both.code == 0, both.err
    assert "answers ADIT in" in both.out
    assert "answers QIDO-RS in" in both.out
    assert (half.code, every.code) == (6, 6)
    assert "answers QIDO-RS in" in half.out
    assert gone in half.err
    assert "cannot be reached" in every.err
    assert len(every.out.splitlines()) == 3


def test_send_goes_by_the_uids_of_the_data_set_and_says_where_the_header_differs(
    adit: Adit, pacs: Orthanc, tmp_path: Path
) -> None:
    (path,) = build_study(tmp_path / "made", instances=1).files
    meta, data = read_file_meta(path), path.read_bytes()
    header = part10_header(meta.sop_class_uid, "1.2.3.4.5", meta.transfer_syntax_uid)
    path.write_bytes(header + data[meta.dataset_offset :])

    ended = adit("send", pacs.address, path)

    assert ended.code == 0, ended.err
    assert list(pacs.instances()) == [meta.sop_instance_uid]
    assert f"{path}: its file meta information names another instance" in ended.err

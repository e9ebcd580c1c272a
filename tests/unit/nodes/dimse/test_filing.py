import os
import socket
import threading
from pathlib import Path
from stat import S_ISDIR

import pytest

from adit_cli.dicom.attributes import encode_attributes
from adit_cli.errors import UsageError
from adit_cli.nodes.dimse.filing import ALREADY_THERE, NOT_AUTHORISED, Filed, Filing
from adit_cli.nodes.dimse.port_holder import who_listens
from adit_cli.nodes.dimse.shelves import ByLayout, ForMoves, Shelf
from tests.support.archive import CT, EXPLICIT, STUDY

PIXELS = b"\xe0\x7f\x10\0OW\0\0\2\0\0\0"


def filed(filing: Filing, uid: str, number: str = "1", pixels: bytes = b"ab", **more: str) -> Filed:
    """File one instance as an association does."""
    values = {"SOPClassUID": CT, "SOPInstanceUID": uid, "StudyInstanceUID": STUDY, "Modality": "CT"}
    values |= {"PatientID": "../evil", "InstanceNumber": number, **more}
    sink = filing.begin(CT, uid, EXPLICIT)
    sink.take(memoryview(encode_attributes(values, EXPLICIT) + PIXELS + pixels))
    return filing.finish(sink, uid)


def made(folder: Path, shelf: Shelf | None = None) -> Filing:
    filing = Filing(folder, shelf, sync=True)
    filing.prepare()
    return filing


def there(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.dcm"))


def test_files_go_where_the_layout_says_and_nowhere_else(tmp_path: Path) -> None:
    filing = made(tmp_path / "in", ByLayout("{PatientID}/{Modalities}/{InstanceNumber:03}.dcm"))

    answer = filed(filing, "1.2.3.1.1")

    assert answer.status == 0
    assert answer.path is not None
    assert answer.path.is_relative_to(tmp_path / "in")
    (name,) = there(tmp_path / "in")
    assert name.endswith("/CT/001.dcm")
    assert ".." not in name.split("/")
    assert there(tmp_path) == [f"in/{name}"]


def test_a_place_that_is_taken_by_no_dicom_file_is_left_alone_and_not_named(tmp_path: Path) -> None:
    filing = made(tmp_path, ByLayout("{PatientID}.dcm"))
    notes = tmp_path / "DOE.dcm"
    notes.write_text("by hand")

    answers = [filed(filing, "1.2.3.1.1", PatientID="DOE") for _ in range(2)]

    assert [(answer.status, answer.message) for answer in answers] == [(0, ""), (0, "")]
    assert notes.read_text() == "by hand"
    assert len(there(tmp_path)) == 2


def test_a_place_that_is_a_folder_is_left_alone(tmp_path: Path) -> None:
    filing = made(tmp_path, ByLayout("{PatientID}.dcm"))
    (tmp_path / "DOE.dcm").mkdir()

    answer = filed(filing, "1.2.3.1.1", PatientID="DOE")

    assert answer.status == 0
    assert answer.path is not None
    assert answer.path.name.startswith("DOE~")


def test_two_instances_that_a_layout_puts_in_one_place_are_both_kept(tmp_path: Path) -> None:
    filing = made(tmp_path, ByLayout("{InstanceNumber}.dcm"))

    answers = [filed(filing, uid) for uid in ("1.2.3.1.1", "1.2.3.1.2", "1.2.3.1.1", "1.2.3.1.2")]

    assert [answer.status for answer in answers] == [0] * 4
    assert len(there(tmp_path)) == 2
    assert answers[0].path == answers[2].path == tmp_path / "1.dcm"
    assert answers[1].path == answers[3].path


def test_instance_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    filing = made(tmp_path)

    first, second = filed(filing, "1.2.3.1.1"), filed(filing, "1.2.3.1.1", pixels=b"xy")

    assert (first.status, second.status) == (0, ALREADY_THERE)
    assert (tmp_path / STUDY / "1.2.3.1.1.dcm").read_bytes().endswith(b"ab")


def test_same_instance_from_many_at_once_is_filed_once(tmp_path: Path) -> None:
    filing = made(tmp_path)
    start, answers = threading.Barrier(8, timeout=60), list[tuple[bytes, int]]()

    def send(pixels: bytes) -> None:
        start.wait()
        answers.append((pixels, filed(filing, "1.2.3.1.1", pixels=pixels).status))

    threads = [threading.Thread(target=send, args=(bytes([65 + number]) * 2,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    taken = [pixels for pixels, status in answers if status == 0]
    assert len(taken) == 1
    assert (tmp_path / STUDY / "1.2.3.1.1.dcm").read_bytes().endswith(taken[0])
    assert list((tmp_path / ".incoming").iterdir()) == []


def test_study_that_nobody_waits_for_is_not_kept(tmp_path: Path) -> None:
    filing = made(tmp_path, ForMoves(lambda study_uid: study_uid == "9.9"))

    assert filed(filing, "1.2.3.1.1").status == NOT_AUTHORISED
    assert filed(filing, "1.2.3.1.1", StudyInstanceUID="9.9").status == 0
    assert there(tmp_path) == ["9.9/1.2.3.1.1.dcm"]


def test_layout_with_a_wrong_keyword_is_refused_before_anything_arrives() -> None:
    with pytest.raises(UsageError, match="PatientIDD"):
        ByLayout("{PatientIDD}/{SOPInstanceUID}.dcm")


def test_whoever_listens_on_a_port_is_named_with_its_process() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert f"process {os.getpid()}" in who_listens(port)
    assert who_listens(port) == ""


@pytest.mark.parametrize(
    ("sync", "steps"), [(True, ["data", "name", "folder"]), (False, ["name"])], ids=["kept", "fetched"]
)
def test_success_is_answered_when_the_file_is_whole_and_as_safe_as_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: list[str], *, sync: bool
) -> None:
    done: list[str] = []
    rename, fsync = Path.rename, os.fsync

    def note_rename(path: Path, target: Path) -> Path:
        done.append("name")
        return rename(path, target)

    def note_sync(descriptor: int) -> None:
        done.append("folder" if S_ISDIR(os.fstat(descriptor).st_mode) else "data")
        fsync(descriptor)

    filing = Filing(tmp_path, sync=sync)
    filing.prepare()
    (tmp_path / STUDY).mkdir()
    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(Path, "rename", note_rename)

    assert filed(filing, "1.2.3.1.1").status == 0
    assert done == steps

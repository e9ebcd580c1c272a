import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from adit_cli.errors import NodeError, UsageError
from adit_cli.nodes.inbox import Inbox, Refused, Served
from tests.support.disk import at_most

STUDY = "1.2.3"
HOLD = """
import sys
from pathlib import Path
from adit_cli.nodes.inbox import Inbox
with Inbox(Path(sys.argv[1])).expecting("1.2.3", "PACS@there") as landing:
    (landing / "1.dcm").write_bytes(b"left behind")
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    inbox = Inbox(tmp_path / "inbox")
    inbox.prepare()
    return inbox


def test_only_a_study_that_is_waited_for_is_expected(inbox: Inbox) -> None:
    assert not inbox.expects(STUDY)
    with inbox.expecting(STUDY, "PACS@there") as landing:
        assert landing == inbox.folder / STUDY
        assert inbox.expects(STUDY)
        assert not inbox.expects("1.2.4")
        assert inbox.asked() == ["PACS@there"]

    assert not inbox.expects(STUDY)
    assert (inbox.asked(), landing.exists()) == ([], False)


def test_a_study_is_moved_by_one_after_the_other(inbox: Inbox) -> None:
    second = threading.Event()

    def move_too() -> None:
        with Inbox(inbox.folder).expecting(STUDY, "PACS@there") as landing:
            assert list(landing.iterdir()) == []
            second.set()

    thread = threading.Thread(target=move_too)
    with inbox.expecting(STUDY, "PACS@there") as landing:
        thread.start()
        (landing / "1.dcm").write_bytes(b"of the first")
        assert not second.is_set()
    thread.join(30)

    assert second.is_set()


def test_what_a_dead_mover_left_is_swept_and_nothing_of_a_living_one(inbox: Inbox) -> None:
    command = [sys.executable, "-c", HOLD, str(inbox.folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as mover:
        assert mover.stdout is not None
        assert mover.stdout.readline() == b"ready\n"
        inbox.sweep()
        assert (inbox.folder / STUDY / "1.dcm").exists()
        mover.kill()

    assert not inbox.expects(STUDY)
    inbox.sweep()
    assert not (inbox.folder / STUDY).exists()


def test_what_lay_there_before_is_never_taken_for_what_arrives(inbox: Inbox) -> None:
    (inbox.folder / STUDY).mkdir()
    (inbox.folder / STUDY / "1.dcm").write_bytes(b"")  # nothing there is synced: so a power cut leaves files

    with inbox.expecting(STUDY, "PACS@there") as landing:
        assert list(landing.iterdir()) == []


def test_one_receiver_serves_an_inbox_and_is_known_by_its_port(inbox: Inbox) -> None:
    assert inbox.served() is None
    lock = inbox.serve()
    assert lock is not None
    inbox.announce(lock, Served("ADIT", 11112, 7))

    assert Inbox(inbox.folder).serve() is None
    assert Inbox(inbox.folder).served() == Served("ADIT", 11112, 7)
    lock.close()
    assert inbox.served() is None


def test_receiver_of_jobs_ends_with_the_last_who_uses_it(inbox: Inbox) -> None:
    one, other, unused = inbox.use(), inbox.use(), threading.Event()

    def wait() -> None:
        inbox.until_unused().close()
        unused.set()

    thread = threading.Thread(target=wait)
    thread.start()
    one.close()
    assert not unused.is_set()
    other.close()
    thread.join(30)

    assert unused.is_set()


def test_refused_callers_are_told_to_those_who_waited_since_then(inbox: Inbox) -> None:
    early, later = Refused("EARLY@10.0.0.1: not known"), Refused("MANY@10.0.0.1: no space left", 0xA700)
    inbox.note_refused(early)
    assert inbox.refused_since(time.time() + 60) == []
    assert inbox.refused_since(0) == [early]
    for _ in range(3000):
        inbox.note_refused(later)

    assert inbox.refused_since(0) == [later]
    assert (inbox.folder / ".refused").stat().st_size < 1 << 17


def test_line_of_the_log_that_is_not_whole_hides_no_other(inbox: Inbox) -> None:
    first, second = Refused("FIRST@10.0.0.1: not known"), Refused("SECOND@10.0.0.1: not known")
    inbox.note_refused(first)
    with (inbox.folder / ".refused").open("a") as log:
        log.write("1795871066.2\nnonsense\t\n\t\t\n")
    inbox.note_refused(second)

    assert inbox.refused_since(0) == [first, second]


def test_a_full_disk_is_told_of_where_it_leaves_room_for_nothing_new(inbox: Inbox) -> None:
    without_room = Refused("PACS@10.0.0.1: no space left", 0xA700)
    lock = inbox.serve()
    assert lock is not None
    for number in range(40):
        inbox.note_refused(Refused(f"OTHER{number:04}@10.0.0.1: not known"))

    with at_most((inbox.folder / ".refused").stat().st_size + 10):
        inbox.note_refused(without_room)

    assert inbox.refused_since(0) == [without_room]
    lock.close()


def test_inbox_and_all_in_it_are_closed_to_others(inbox: Inbox) -> None:
    with inbox.expecting(STUDY, "PACS@there") as landing:
        modes = [path.stat().st_mode & 0o077 for path in (inbox.folder, landing, *inbox.folder.rglob("*"))]

    assert set(modes) == {0}


@pytest.mark.parametrize("uid", ["../evil", "", ".", "1.2/3", "1" * 65])
def test_uid_that_is_none_never_becomes_a_path(inbox: Inbox, uid: str) -> None:
    before = sorted(inbox.folder.parent.rglob("*"))

    with pytest.raises(NodeError, match="UID"), inbox.expecting(uid, "PACS@there"):
        pass

    assert sorted(inbox.folder.parent.rglob("*")) == before


def test_inbox_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(UsageError, match="file"):
        Inbox(tmp_path / "file" / "inbox").prepare()

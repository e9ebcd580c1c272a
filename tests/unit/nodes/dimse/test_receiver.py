import errno
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path
from queue import Queue

import pytest

from adit_cli.dicom.files import part10_header, read_file_meta
from adit_cli.errors import TransientNodeError, UsageError
from adit_cli.jobfile.node import DimsePeer, Limits, Timeouts
from adit_cli.nodes.base import Delivered, Ready
from adit_cli.nodes.dimse.association import Association
from adit_cli.nodes.dimse.channel import Channel
from adit_cli.nodes.dimse.contexts import STUDY_FIND, UNCOMPRESSED, VERIFICATION, numbered
from adit_cli.nodes.dimse.destination import DimseDestination
from adit_cli.nodes.dimse.echo import echo
from adit_cli.nodes.dimse.guests import EVERYONE, Guests
from adit_cli.nodes.dimse.messages import C_FIND_RQ, C_STORE_RQ, RESPONSE, Command, encode_command
from adit_cli.nodes.dimse.party import Party
from adit_cli.nodes.dimse.receiver import Receiver, Reception
from adit_cli.nodes.dimse.scp import Happening, OnEvent, ReceiveEvent
from adit_cli.nodes.retry import Tries
from tests.support.archive import CT, EXPLICIT, STUDY, ct_instance
from tests.support.disk import at_most
from tests.support.moving import store
from tests.support.process import LOOPBACK

UIDS = [f"1.2.3.1.{number}" for number in range(1, 6)]


class Running:
    """A receiver in a thread, and what it told."""

    def __init__(self, receiver: Receiver, events: Queue[ReceiveEvent]) -> None:
        self.receiver = receiver
        self._events = events
        self.port = self.next(Happening.LISTENING).port

    def next(self, happening: Happening) -> ReceiveEvent:
        """Return the next event of a kind."""
        while (event := self._events.get(timeout=60)).happening is not happening:
            pass
        return event

    def peer(self, ae_title: str = "ADIT") -> DimsePeer:
        quick = Timeouts(connect=30, acse=30, dimse=30)
        return DimsePeer(ae_title=ae_title, host=LOOPBACK, port=self.port, timeouts=quick)

    def associated(self) -> Association:
        contexts = [(VERIFICATION, UNCOMPRESSED), (CT, (EXPLICIT,)), (STUDY_FIND, UNCOMPRESSED)]
        return Association.open(Party.of("", self.peer(), "US"), numbered(contexts))


@contextmanager
def receiving(
    folder: Path,
    *,
    guests: Guests = EVERYONE,
    most: int = 4,
    silence: float = 60,
    sync: bool = False,
    on_event: OnEvent = lambda _event: None,
) -> Generator[Running]:
    events = Queue[ReceiveEvent]()

    def tell(event: ReceiveEvent) -> None:
        on_event(event)
        events.put(event)

    reception = Reception("ADIT", 0, folder, LOOPBACK, guests, most, sync, silence, grace=60)
    receiver = Receiver(reception, tell)
    thread = threading.Thread(target=receiver.run, daemon=True)
    thread.start()
    try:
        yield Running(receiver, events)
    finally:
        receiver.stop()
        thread.join(60)
    assert not thread.is_alive()


def sent(running: Running, folder: Path, datasets: dict[str, bytes]) -> list[Delivered]:
    folder.mkdir(exist_ok=True)
    files: list[Ready] = []
    for uid, dataset in datasets.items():
        path = folder / f"{uid}.dcm"
        path.write_bytes(part10_header(CT, uid, EXPLICIT) + dataset)
        files.append(Ready(path, uid, CT, EXPLICIT, path.stat().st_size))
    node = DimseDestination("us", running.peer(), "US", Limits(associations=1), Tries(attempts=1))
    with closing(node):
        return node.begin("key").add(files)


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("sync", [True, False])
def test_what_arrives_is_filed_by_study_as_part_10(tmp_path: Path, sync: bool) -> None:  # noqa: FBT001 - a parameter
    with receiving(tmp_path / "in", sync=sync) as running:
        told = sent(running, tmp_path / "out", {uid: ct_instance(uid, 300_000) for uid in UIDS})

    assert [one.accepted for one in told] == [True] * 5
    assert files_in(tmp_path / "in") == [f"{STUDY}/{uid}.dcm" for uid in UIDS]
    for uid in UIDS:
        path = tmp_path / "in" / STUDY / f"{uid}.dcm"
        meta = read_file_meta(path)
        assert (meta.sop_class_uid, meta.transfer_syntax_uid) == (CT, EXPLICIT)
        assert path.read_bytes()[meta.dataset_offset :] == ct_instance(uid, 300_000)
        assert path.stat().st_mode & 0o777 == 0o600


def test_the_same_again_is_accepted_and_another_content_is_not_written_over(tmp_path: Path) -> None:
    first, other = ct_instance(UIDS[0]), ct_instance(UIDS[0], 200)
    with receiving(tmp_path / "in") as running:
        told = [sent(running, tmp_path / "out", {UIDS[0]: data})[0] for data in (first, first, other)]

    kept = (tmp_path / "in" / STUDY / f"{UIDS[0]}.dcm").read_bytes()
    assert [one.message[:6] for one in told] == ["", "", "0x0111"]
    assert kept.endswith(first)


@pytest.mark.parametrize(
    "dataset",
    [ct_instance("1.2.9"), ct_instance(UIDS[0])[:60], b"\x08\0\x18\0UI\x08\x001.2.3.1.1", b"nonsense"],
)
def test_data_set_that_is_not_the_instance_it_claims_to_be_is_refused(tmp_path: Path, dataset: bytes) -> None:
    with receiving(tmp_path / "in") as running:
        (told,) = sent(running, tmp_path / "out", {UIDS[0]: dataset})

    assert (told.accepted, told.message[:6]) == (False, "0xA900")
    assert files_in(tmp_path / "in") == []


def test_full_disk_is_answered_with_out_of_resources_and_leaves_nothing(tmp_path: Path) -> None:
    with receiving(tmp_path / "in") as running:
        with at_most(200_000):
            big = raw_store(running, UIDS[0], ct_instance(UIDS[0], 900_000))
        small = sent(running, tmp_path / "out", {UIDS[1]: ct_instance(UIDS[1])})

    assert big == 0xA700
    assert small[0].accepted
    assert files_in(tmp_path / "in") == [f"{STUDY}/{UIDS[1]}.dcm"]


def raw_store(running: Running, uid: str, dataset: bytes) -> int | None:
    with running.associated() as assoc:
        command = Command(C_STORE_RQ, assoc.begin(), sop_class_uid=CT, sop_instance_uid=uid, dataset_type=1)
        assoc.send(assoc.context_of(CT) or 0, command, dataset)
        return assoc.receive().command.status


@pytest.mark.parametrize("uid", ["../../evil", "1/2", "", "1" * 65])
def test_uid_that_could_leave_the_folder_is_refused(tmp_path: Path, uid: str) -> None:
    with receiving(tmp_path / "in") as running:
        status = raw_store(running, uid, ct_instance("1.2"))

    assert status == 0xC000
    assert files_in(tmp_path) == []


def test_study_uid_that_could_leave_the_folder_is_refused(tmp_path: Path) -> None:
    dataset = ct_instance(UIDS[0]).replace(b"1.2.3\0", b"../../")
    with receiving(tmp_path / "in") as running:
        assert raw_store(running, UIDS[0], dataset) == 0xA900

    assert files_in(tmp_path) == []


def test_association_that_breaks_off_leaves_no_half_file(tmp_path: Path) -> None:
    with receiving(tmp_path / "in") as running:
        assoc = running.associated()
        command = encode_command(
            Command(C_STORE_RQ, 1, sop_class_uid=CT, sop_instance_uid=UIDS[0], dataset_type=1)
        )
        for flags, value in ((3, command), (0, bytes(100))):
            pdv = (len(value) + 2).to_bytes(4, "big") + bytes((3, flags)) + value
            assoc.channel.wire.send(b"\4\0" + len(pdv).to_bytes(4, "big") + pdv)
        assoc.interrupt()
        assoc.abort()
        ended = running.next(Happening.ENDED)

    assert "connection broke" in ended.message
    assert files_in(tmp_path / "in") == []


def test_echo_reports_what_we_are(tmp_path: Path) -> None:
    with receiving(tmp_path / "in") as running:
        report = echo("us", running.peer(), "US")

    assert (report.implementation_version, report.max_length) == ("ADIT_CLI", 1 << 20)
    assert report.offers(CT)
    assert STUDY_FIND in report.refused


def test_service_that_we_do_not_have_is_answered_as_unknown(tmp_path: Path) -> None:
    with receiving(tmp_path / "in") as running, running.associated() as assoc:
        assert assoc.context_of(STUDY_FIND) is None
        assoc.send(assoc.context_of(CT) or 0, Command(C_FIND_RQ, assoc.begin(), sop_class_uid=CT))
        assert assoc.receive().command.status == 0x0211


@pytest.mark.parametrize(
    ("called", "calling", "said"),
    [("OTHER", "US", "does not answer"), ("ADIT", "THEM", "does not know our AE")],
)
def test_strangers_are_rejected_in_words_on_both_sides(
    tmp_path: Path, called: str, calling: str, said: str
) -> None:
    with receiving(tmp_path / "in", guests=Guests(("US",), loopback=False)) as running:
        with pytest.raises(Exception, match=said):
            echo("us", running.peer(called), calling)
        assert running.next(Happening.REFUSED).message


def test_more_associations_than_allowed_are_told_to_come_later(tmp_path: Path) -> None:
    with receiving(tmp_path / "in", most=1) as running:
        with running.associated(), pytest.raises(Exception, match="too many associations"):
            running.associated()
        running.next(Happening.ENDED)


@pytest.mark.parametrize(
    ("first", "said"),
    [(b"\x16\x03\x01\0\0", "speaks TLS"), (b"GET / HTTP/1.1", "web or mail"), (b"\4\0\0\0\0\0", "04H")],
)
def test_other_protocols_are_told_and_do_no_harm(tmp_path: Path, first: bytes, said: str) -> None:
    with receiving(tmp_path / "in") as running:
        with socket.create_connection((LOOPBACK, running.port)) as sock:
            sock.sendall(first)
            assert said in running.next(Happening.ENDED).message
        assert echo("us", running.peer(), "US").seconds > 0


def test_silent_association_is_aborted(tmp_path: Path) -> None:
    with (
        receiving(tmp_path / "in", silence=0.1) as running,
        socket.create_connection((LOOPBACK, running.port)),
    ):
        assert "silent for too long" in running.next(Happening.ENDED).message


def test_open_association_may_finish_after_stop_and_no_new_one_begins(tmp_path: Path) -> None:
    with receiving(tmp_path / "in") as running:
        with running.associated() as assoc:
            running.receiver.stop()
            command = Command(
                C_STORE_RQ, assoc.begin(), sop_class_uid=CT, sop_instance_uid=UIDS[0], dataset_type=1
            )
            assoc.send(assoc.context_of(CT) or 0, command, ct_instance(UIDS[0]))
            assert assoc.receive().command.status == 0
        with pytest.raises(TransientNodeError):
            running.associated()


def test_second_stop_does_not_wait(tmp_path: Path) -> None:
    with receiving(tmp_path / "in") as running:
        assoc = running.associated()
        running.receiver.stop()
        running.receiver.stop()
        assert "connection broke" in running.next(Happening.ENDED).message
        assoc.abort()


def test_port_in_use_is_told(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        receiver = Receiver(Reception("ADIT", taken.getsockname()[1], tmp_path, LOOPBACK), print)

        with pytest.raises(UsageError, match="cannot be listened on"):
            receiver.run()


def test_what_an_earlier_receiver_left_half_written_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".incoming").mkdir()
    (tmp_path / ".incoming" / "1-1.part").write_bytes(b"half")

    with receiving(tmp_path):
        assert files_in(tmp_path) == []


def test_several_associations_file_at_once(tmp_path: Path) -> None:
    def one(folder: str, uid: str) -> Callable[[], None]:
        return lambda: results.put(sent(running, tmp_path / folder, {uid: ct_instance(uid, 100_000)}))

    results = Queue[list[Delivered]]()
    with receiving(tmp_path / "in", most=8) as running:
        threads = [threading.Thread(target=one(uid, uid), daemon=True) for uid in UIDS]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

    assert all(results.get(timeout=1)[0].accepted for _ in UIDS)
    assert files_in(tmp_path / "in") == [f"{STUDY}/{uid}.dcm" for uid in UIDS]


def test_terminal_that_is_gone_keeps_no_image_away(tmp_path: Path) -> None:
    told: Queue[int] = Queue()

    def tell(event: ReceiveEvent) -> None:
        if event.happening is not Happening.LISTENING:
            raise BrokenPipeError
        told.put(event.port)

    receiver = Receiver(Reception("ADIT", 0, tmp_path, LOOPBACK), tell)
    thread = threading.Thread(target=receiver.run, daemon=True)
    thread.start()
    statuses = [status for _, status in store(told.get(timeout=60), UIDS)]
    receiver.stop()
    thread.join(60)

    assert statuses == [0] * len(UIDS)
    assert files_in(tmp_path) == [f"{STUDY}/{uid}.dcm" for uid in UIDS]


def test_receiver_outlives_a_caller_for_whom_there_is_no_file_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept, failures = socket.socket.accept, [errno.EMFILE, errno.ECONNABORTED]

    def failing(listener: socket.socket) -> tuple[socket.socket, object]:
        if failures:
            raise OSError(failures.pop(), "none left")
        return accept(listener)

    with receiving(tmp_path / "in") as running:
        monkeypatch.setattr(socket.socket, "accept", failing)
        told = sent(running, tmp_path / "out", {UIDS[0]: ct_instance(UIDS[0])})

    assert [one.accepted for one in told] == [True]
    assert failures == []


@pytest.mark.parametrize(("data", "order"), [("whole", ["answered", "told"]), ("cut", ["told", "answered"])])
def test_a_refusal_is_noted_before_its_sender_hears_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: str, order: list[str]
) -> None:
    steps: list[str] = []
    send = Channel.send

    def noting(channel: Channel, context_id: int, command: Command, value: bytes, longest: int) -> None:
        if command.field == C_STORE_RQ | RESPONSE:
            steps.append("answered")
        send(channel, context_id, command, value, longest)

    def note(event: ReceiveEvent) -> None:
        if event.uid:
            steps.append("told")

    monkeypatch.setattr(Channel, "send", noting)
    dataset = ct_instance(UIDS[0])
    with receiving(tmp_path / "in", on_event=note) as running:
        sent(running, tmp_path / "out", {UIDS[0]: dataset if data == "whole" else dataset[:60]})
        running.next(Happening.ENDED)

    assert steps == order

"""C-MOVE from archives that do what PACS do, each in a test named after it, through our own receiver."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from adit_cli.errors import DiskFullError, Reason, ReceiverError, TransientNodeError
from adit_cli.jobfile.node import Limits, Timeouts
from adit_cli.jobfile.receiver import Order, ReceiverSpec
from adit_cli.nodes.base import Arrival, FailedInstance, RetrieveRequest
from adit_cli.nodes.dimse.fetching import Means
from adit_cli.nodes.dimse.messages import SUCCESS
from adit_cli.nodes.dimse.source import DimseSource
from adit_cli.nodes.dimse.standby import Standby
from adit_cli.nodes.inbox import Inbox, Refused
from adit_cli.nodes.retry import Tries
from tests.support.archive import SERIES, STUDY, GoneError
from tests.support.eventually import becomes_true
from tests.support.moving import DESTINATION_UNKNOWN, Behaviour, Move, MovingArchive, store
from tests.support.process import LOOPBACK
from tests.support.scripted import QUICK, scripted_peer

UIDS = [f"1.2.3.1.{number}" for number in range(1, 7)]
AT_ONCE = Tries(first_pause=0)
NEVER, PATIENTLY = 0.0, 60.0
"""How long to wait for stragglers: where none will come, and where they will."""


@pytest.fixture(scope="module")
def order(tmp_path_factory: pytest.TempPathFactory) -> Generator[Order]:
    """A receiver that runs for all tests of this file."""
    inbox = tmp_path_factory.mktemp("state") / "inbox"
    order = Order(inbox, "ADIT", ReceiverSpec(host=LOOPBACK, port=0))
    with closing(Standby(order)) as standby:
        standby.ready()
        yield order


class Mover:
    """One who fetches the study of a scripted archive by C-MOVE."""

    def __init__(self, order: Order, *behaviours: Behaviour, offers_get: bool = True) -> None:
        self.order = order
        self.archive = MovingArchive(order.inbox, UIDS, behaviours or (Move.honest,), offers_get=offers_get)

    @contextmanager
    def source(
        self, settle: float, timeouts: Timeouts = QUICK, ways: Sequence[str] = ("c-move",)
    ) -> Generator[DimseSource]:
        means = Means(ways, self.order, settle)
        with scripted_peer(self.archive) as peer:
            node = DimseSource("pacs", peer.as_node(timeouts), "US", Limits(associations=1), AT_ONCE, means)
            with closing(node):
                yield node

    def fetch(
        self, spool: Path, settle: float = NEVER, request: RetrieveRequest | None = None
    ) -> tuple[list[str], list[FailedInstance]]:
        arrived: list[Arrival] = []
        with self.source(settle) as node:
            failed = node.retrieve(request or self.listed(), spool, arrived.append)
        assert all(one.path == spool / f"{one.uid}.dcm" and one.path.is_file() for one in arrived)
        return sorted(one.uid for one in arrived), failed

    def listed(self) -> RetrieveRequest:
        return RetrieveRequest(STUDY, instances=self.archive.refs())


def assert_inbox_is_empty(order: Order) -> None:
    """The receiver, a process of its own, may still be sweeping."""

    def left() -> list[Path]:
        inside = (*(order.inbox / ".moving").iterdir(), *(order.inbox / ".incoming").iterdir())
        return [*inside, *(path for path in order.inbox.iterdir() if not path.name.startswith("."))]

    assert becomes_true(lambda: not left()), left()


def test_study_comes_whole_by_one_request_of_unique_keys(order: Order, tmp_path: Path) -> None:
    mover = Mover(order)

    arrived, failed = mover.fetch(tmp_path)

    assert (arrived, failed) == (UIDS, [])
    assert mover.archive.asked == [{"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": STUDY}]
    assert_inbox_is_empty(order)


def test_series_and_single_instances_are_asked_for_with_all_keys_above(order: Order, tmp_path: Path) -> None:
    mover = Mover(order)
    series = RetrieveRequest(STUDY, (SERIES,), mover.archive.refs())
    single = RetrieveRequest(STUDY, (SERIES,), mover.archive.refs()[:2], partial=True)

    mover.fetch(tmp_path, request=series)
    for path in tmp_path.iterdir():
        path.unlink()
    arrived, _ = mover.fetch(tmp_path, request=single)

    above = {"StudyInstanceUID": STUDY, "SeriesInstanceUID": SERIES}
    images = {"QueryRetrieveLevel": "IMAGE", **above, "SOPInstanceUID": "\\".join(UIDS[:2])}
    assert mover.archive.asked == [{"QueryRetrieveLevel": "SERIES", **above}, images]
    assert arrived == UIDS[:2]


def test_final_success_although_every_sub_operation_failed(order: Order, tmp_path: Path) -> None:
    def lies(move: Move) -> None:
        move.end(SUCCESS, completed=len(UIDS), failed=0, warning=0)

    arrived, failed = Mover(order, lies).fetch(tmp_path)

    assert arrived == []
    assert [(one.uid, one.reason) for one in failed] == [(uid, Reason.INCOMPLETE) for uid in UIDS]
    assert "it said Success" in failed[0].message
    assert f"See that AE title {order.ae_title} is registered there" in failed[0].message


def test_success_is_said_before_the_first_store(order: Order, tmp_path: Path) -> None:
    def answers_first(move: Move) -> None:
        move.end(SUCCESS, completed=0, failed=0, warning=0)
        move.store(move.uids)

    mover = Mover(order, answers_first)

    assert mover.fetch(tmp_path, settle=PATIENTLY) == (UIDS, [])
    assert len(mover.archive.asked) == 1


def test_unlisted_study_of_an_archive_that_answers_before_it_sends(order: Order, tmp_path: Path) -> None:
    def answers_first(move: Move) -> None:
        move.end(SUCCESS, completed=len(move.uids), failed=0, warning=0)
        move.store(move.uids)

    arrived, failed = Mover(order, answers_first).fetch(tmp_path, PATIENTLY, RetrieveRequest(STUDY))

    assert (arrived, failed) == (UIDS, [])


def test_missing_sub_operation_counters_are_unknown_not_zero(order: Order, tmp_path: Path) -> None:
    def counts_nothing(move: Move) -> None:
        move.pending()
        move.store(move.uids)
        move.end()

    assert Mover(order, counts_nothing).fetch(tmp_path) == (UIDS, [])


def test_one_bad_instance_does_not_keep_the_rest_of_its_study_away(order: Order, tmp_path: Path) -> None:
    def stops_at_the_third(move: Move) -> None:
        good = move.uids[: move.uids.index(UIDS[2])] if UIDS[2] in move.uids else move.uids
        move.store(good)
        left = len(move.uids) - len(good)
        move.end(0xB000 if left else SUCCESS, completed=len(good), failed=left, warning=0)

    mover = Mover(order, stops_at_the_third)
    arrived, failed = mover.fetch(tmp_path)

    assert arrived == [uid for uid in UIDS if uid != UIDS[2]]
    assert [one.uid for one in failed] == [UIDS[2]]
    assert sorted(mover.archive.stored) == arrived


def test_archive_that_has_sent_something_knows_where_we_are(order: Order, tmp_path: Path) -> None:
    def forgets_one(move: Move) -> None:
        move.store(set(move.uids) - set(UIDS[:1]))
        move.end(SUCCESS, completed=len(UIDS), failed=0, warning=0)

    _, failed = Mover(order, forgets_one).fetch(tmp_path)

    assert [one.message.endswith("did not send it: it said Success.") for one in failed] == [True]


def test_instance_that_is_named_as_failed_and_arrived_is_no_failure(order: Order, tmp_path: Path) -> None:
    def names_wrongly(move: Move) -> None:
        move.store(move.uids)
        move.end(0xB000, UIDS[:2], completed=len(UIDS) - 2, failed=2, warning=0)

    assert Mover(order, names_wrongly).fetch(tmp_path) == (UIDS, [])


def test_only_missing_instances_are_asked_for_again(order: Order, tmp_path: Path) -> None:
    def forgets_half(move: Move) -> None:
        move.store(UIDS[:3])
        move.end(SUCCESS, completed=len(UIDS), failed=0, warning=0)

    mover = Mover(order, forgets_half, Move.honest)

    assert mover.fetch(tmp_path) == (UIDS, [])
    assert mover.archive.stored == UIDS
    assert [asked.get("SOPInstanceUID") for asked in mover.archive.asked] == [None, "\\".join(UIDS[3:])]


def test_association_that_ends_in_the_middle_is_opened_again_for_the_rest(
    order: Order, tmp_path: Path
) -> None:
    def dies(move: Move) -> None:
        move.store(UIDS[:4])
        raise GoneError

    mover = Mover(order, dies, Move.honest)

    assert mover.fetch(tmp_path) == (UIDS, [])
    assert sorted(mover.archive.stored) == UIDS


def test_pending_forever_ends_by_the_idle_time(order: Order, tmp_path: Path) -> None:
    given_up = threading.Event()

    def says_pending(move: Move) -> None:
        while not given_up.is_set():
            move.pending(remaining=len(UIDS), completed=0, failed=0, warning=0)

    mover = Mover(order, says_pending)
    idle = QUICK.model_copy(update={"dimse": 0.2})
    with mover.source(NEVER, idle) as node, pytest.raises(TransientNodeError) as caught:
        node.retrieve(mover.listed(), tmp_path, print)
    given_up.set()

    assert caught.value.reason is Reason.TIMEOUT


def test_slow_progress_ends_by_the_total_time(order: Order, tmp_path: Path) -> None:
    given_up = threading.Event()

    def counts_on(move: Move) -> None:
        number = 0
        while not given_up.is_set():
            number += 1
            move.pending(remaining=1000, completed=number % 60000)

    mover = Mover(order, counts_on)
    total = QUICK.model_copy(update={"total": 0.2})
    with mover.source(NEVER, total) as node, pytest.raises(TransientNodeError) as caught:
        node.retrieve(mover.listed(), tmp_path, print)
    given_up.set()

    assert caught.value.reason is Reason.TIMEOUT


def test_unknown_move_destination_is_told_with_what_to_register(order: Order, tmp_path: Path) -> None:
    mover = Mover(order, lambda move: move.end(DESTINATION_UNKNOWN))

    with pytest.raises(ReceiverError, match="C-MOVE destination ADIT") as caught:
        mover.fetch(tmp_path)

    assert str(mover.archive.port()) in caught.value.hint
    assert LOOPBACK in caught.value.hint
    assert len(mover.archive.asked) == 1


def test_instances_without_a_move_originator_go_to_whoever_waits_for_their_study(
    order: Order, tmp_path: Path
) -> None:
    with Inbox(order.inbox).expecting("9.9", "OTHER@there") as of_another:
        arrived, _ = Mover(order).fetch(tmp_path)

        assert arrived == UIDS
        assert list(of_another.iterdir()) == []


def test_receiver_without_room_is_no_fault_of_the_archive(order: Order, tmp_path: Path) -> None:
    def is_refused(move: Move) -> None:
        Inbox(order.inbox).note_refused(Refused("SCRIPTED@127.0.0.1: no space left", 0xA700))
        move.end(0xB000, completed=0, failed=len(UIDS))

    with pytest.raises(DiskFullError, match="no space left"):
        Mover(order, is_refused).fetch(tmp_path)


def test_receiver_that_dies_in_the_middle_is_followed_by_another_one(tmp_path: Path) -> None:
    order = Order(tmp_path / "inbox", "ADIT", ReceiverSpec(host=LOOPBACK, port=0))
    inbox, spool = Inbox(order.inbox), tmp_path / "spool"
    spool.mkdir()

    def loses_its_receiver(move: Move) -> None:
        move.store(UIDS[:2])
        served = inbox.served()
        assert served is not None
        os.kill(served.pid, signal.SIGKILL)
        assert becomes_true(lambda: inbox.served() is None)
        move.end(0xB000, completed=2, failed=len(UIDS) - 2)

    assert Mover(order, loses_its_receiver, Move.honest).fetch(spool) == (UIDS, [])


def test_study_that_nobody_asked_for_is_refused_and_not_kept(order: Order) -> None:
    served = Inbox(order.inbox).served()
    assert served is not None

    ((_, status),) = store(served.port, UIDS[:1])

    assert status == 0x0124
    assert_inbox_is_empty(order)


def test_archive_without_c_get_is_asked_to_move_and_that_is_said_once(
    order: Order, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mover = Mover(order, offers_get=False)
    arrived: list[Arrival] = []

    with caplog.at_level(logging.WARNING), mover.source(NEVER, ways=("c-get", "c-move")) as node:
        for number in range(2):
            (tmp_path / str(number)).mkdir()
            node.retrieve(mover.listed(), tmp_path / str(number), arrived.append)

    assert len(arrived) == 2 * len(UIDS)
    assert [text for text in caplog.messages if "C-MOVE" in text] == [
        text for text in caplog.messages if "does not offer C-GET" in text
    ]
    assert len(caplog.messages) == 1


def test_two_who_move_the_same_study_at_once_both_get_it_whole(order: Order, tmp_path: Path) -> None:
    results: dict[str, tuple[list[str], list[FailedInstance]]] = {}
    both = threading.Barrier(2, timeout=60)
    mover = Mover(order)

    def fetch(name: str) -> None:
        (tmp_path / name).mkdir()
        with mover.source(PATIENTLY) as node:
            arrived: list[Arrival] = []
            both.wait()
            failed = node.retrieve(mover.listed(), tmp_path / name, arrived.append)
            results[name] = (sorted(one.uid for one in arrived), failed)

    threads = [threading.Thread(target=fetch, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert results == {"a": (UIDS, []), "b": (UIDS, [])}
    assert_inbox_is_empty(order)


def test_retrieval_that_is_stopped_aborts_the_association(order: Order, tmp_path: Path) -> None:
    """A C-CANCEL would have to be waited for, and some archives are deaf to it for long."""
    gone = threading.Event()

    def waits(move: Move) -> None:
        move.store(UIDS[:1])
        try:
            move.talk.read()
        finally:
            gone.set()

    def full(_arrival: Arrival) -> None:
        raise RuntimeError("no more")

    mover = Mover(order, waits)
    with mover.source(NEVER) as node, pytest.raises(RuntimeError, match="no more"):
        node.retrieve(mover.listed(), tmp_path, full)

    assert gone.wait(30)
    assert_inbox_is_empty(order)

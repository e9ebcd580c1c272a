from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from threading import Semaphore

import pytest

from adit_cli.dicom.attributes import decode_attributes, encode_attributes
from adit_cli.dicom.files import read_file_meta
from adit_cli.dicom.query import Level
from adit_cli.errors import CutShortError, NodeError, Reason, TransientNodeError
from adit_cli.jobfile.node import Limits, Timeouts
from adit_cli.nodes.base import Arrival, FailedInstance, RetrieveRequest
from adit_cli.nodes.dimse import pdu
from adit_cli.nodes.dimse.association import Association
from adit_cli.nodes.dimse.channel import Ended
from adit_cli.nodes.dimse.contexts import STUDY_MOVE, UNCOMPRESSED, numbered
from adit_cli.nodes.dimse.incoming import IncomingFile
from adit_cli.nodes.dimse.messages import CANCEL, PENDING, SUCCESS, Message
from adit_cli.nodes.dimse.party import Party
from adit_cli.nodes.dimse.scu import SubOperations, c_move
from adit_cli.nodes.dimse.source import DimseSource
from adit_cli.nodes.retry import Tries
from tests.support.archive import CT, EXPLICIT, SERIES, STUDY, Archive, GoneError, ct_instance
from tests.support.scripted import QUICK, Script, ScriptedPeer, Talk, scripted_peer

HASTY = Timeouts(connect=5, acse=5, dimse=0.2)
AT_ONCE = Tries(first_pause=0)
UIDS = [f"1.2.3.1.{number}" for number in range(1, 9)]


@contextmanager
def source(
    peer: ScriptedPeer, timeouts: Timeouts = QUICK, *, associations: int = 1, tries: Tries = AT_ONCE
) -> Generator[DimseSource]:
    node = DimseSource("pacs", peer.as_node(timeouts), "US", Limits(associations=associations), tries)
    with closing(node):
        yield node


def archive(**options: object) -> Archive:
    return Archive({uid: ct_instance(uid) for uid in UIDS}, **options)  # pyright: ignore[reportArgumentType] - passed on as given


def fetched(
    source: AbstractContextManager[DimseSource], request: RetrieveRequest, spool: Path
) -> tuple[list[Arrival], list[FailedInstance]]:
    arrived: list[Arrival] = []
    with source as node:
        failed = node.retrieve(request, spool, arrived.append)
    return arrived, failed


def listed(there: Archive) -> RetrieveRequest:
    return RetrieveRequest(STUDY, instances=there.refs())


def dropping_after(number: int) -> Callable[[str, int], None]:
    left = [number]

    def before_store(_uid: str, sent: int) -> None:
        if left == [sent]:
            left.clear()
            raise GoneError

    return before_store


def finding(*replies: tuple[int, dict[str, str]]) -> Script:
    """Answer one query with these statuses and identifiers, then go on for as long as one is asked."""

    def script(talk: Talk) -> None:
        talk.accept()
        while True:
            request = talk.read()
            for status, found in replies:
                talk.answer(request, status, encode_attributes(found, EXPLICIT) if found else b"")

    return script


def getting(reply: Callable[[Talk, Message], None]) -> Script:
    def script(talk: Talk) -> None:
        talk.accept()
        while True:
            reply(talk, talk.read())

    return script


def test_interruption_while_a_file_gets_its_name_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_file: IncomingFile, _final: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(IncomingFile, "commit", interrupted)
    there = archive()

    with scripted_peer(there) as peer, pytest.raises(KeyboardInterrupt):
        fetched(source(peer), listed(there), tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_query_returns_what_the_node_said_with_absent_and_empty_told_apart() -> None:
    script = finding(
        (PENDING, {"StudyInstanceUID": "1.2", "PatientName": "Müller^Zoë", "QueryRetrieveLevel": "STUDY"}),
        (0xFF01, {"StudyInstanceUID": "1.3", "StudyDescription": ""}),
        (SUCCESS, {}),
    )
    with scripted_peer(script) as peer, source(peer) as node:
        found = node.find(Level.STUDY, {"StudyDescription": ""})

    assert found == [
        {"StudyInstanceUID": "1.2", "PatientName": "Müller^Zoë"},
        {"StudyInstanceUID": "1.3", "StudyDescription": ""},
    ]


def test_instances_are_looked_for_series_by_series_with_all_unique_keys() -> None:
    asked: list[dict[str, str]] = []

    def script(talk: Talk) -> None:
        talk.accept()
        while True:
            request = talk.read()
            keys = decode_attributes(request.dataset, EXPLICIT)
            asked.append(keys)
            if keys["QueryRetrieveLevel"] == "SERIES":
                for uid in ("1.2.3.1", "1.2.3.2"):
                    talk.answer(request, PENDING, encode_attributes({"SeriesInstanceUID": uid}, EXPLICIT))
            else:
                uid = keys["SeriesInstanceUID"] + ".9"
                talk.answer(request, PENDING, encode_attributes({"SOPInstanceUID": uid}, EXPLICIT))
            talk.answer(request, SUCCESS)

    with scripted_peer(script) as peer, source(peer) as node:
        found = node.find(Level.IMAGE, {"StudyInstanceUID": STUDY})

    assert [one["SOPInstanceUID"] for one in found] == ["1.2.3.1.9", "1.2.3.2.9"]
    assert [keys["StudyInstanceUID"] for keys in asked] == [STUDY] * 3


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (0xA900, NodeError, "0xA900"),
        (0xC001, NodeError, "unable to process"),
        (0xA700, TransientNodeError, "out of resources"),
        (CANCEL, CutShortError, "cancelled"),
    ],
)
def test_query_that_is_refused_is_told_with_its_status(status: int, kind: type[NodeError], said: str) -> None:
    with (
        scripted_peer(finding((PENDING, {"StudyInstanceUID": "1.2"}), (status, {}))) as peer,
        source(peer) as node,
        pytest.raises(NodeError, match=said) as caught,
    ):
        node.find(Level.STUDY, {})

    assert type(caught.value) is kind


def test_query_is_asked_again_where_the_node_broke_off() -> None:
    with scripted_peer(lambda talk: talk.accept(), finding((SUCCESS, {}))) as peer, source(peer) as node:
        assert node.find(Level.STUDY, {}) == []

    assert len(peer.talks) == 2


def test_association_is_kept_from_query_to_query() -> None:
    with scripted_peer(finding((SUCCESS, {}))) as peer, source(peer) as node:
        node.find(Level.STUDY, {})
        node.find(Level.SERIES, {"StudyInstanceUID": STUDY})

    assert len(peer.talks) == 1


def test_association_that_the_node_closed_while_idle_is_opened_again() -> None:
    ending, replies = Semaphore(0), list[pdu.ControlPdu]()

    def once(talk: Talk) -> None:
        talk.accept()
        talk.answer(talk.read(), SUCCESS)
        talk.send_pdu(pdu.ReleaseRequest())
        ending.release()
        replies.append(talk.channel.control())

    with scripted_peer(once) as peer, source(peer, tries=Tries(attempts=1)) as node:
        for _ in range(3):
            node.find(Level.STUDY, {})
            assert ending.acquire(timeout=5)

    assert len(peer.talks) == 3
    assert replies[:2] == [pdu.ReleaseReply()] * 2


def test_pending_without_anything_new_is_no_sign_of_life() -> None:
    def pending(talk: Talk, request: Message) -> None:
        while True:
            talk.answer(request, PENDING)

    with (
        scripted_peer(getting(pending)) as peer,
        source(peer, HASTY, tries=Tries(attempts=1)) as node,
        pytest.raises(TransientNodeError) as caught,
    ):
        node.find(Level.STUDY, {})

    assert caught.value.reason is Reason.TIMEOUT
    assert "Pending" in caught.value.message


def test_files_arrive_whole_as_part_10_with_the_bytes_that_came(tmp_path: Path) -> None:
    there = archive()
    with scripted_peer(there) as peer:
        arrived, failed = fetched(source(peer), listed(there), tmp_path)

    assert (failed, [one.uid for one in arrived]) == ([], UIDS)
    for one in arrived:
        meta = read_file_meta(one.path)
        assert (meta.sop_class_uid, meta.sop_instance_uid, meta.transfer_syntax_uid) == (
            CT,
            one.uid,
            EXPLICIT,
        )
        assert one.path.read_bytes()[meta.dataset_offset :] == there.instances[one.uid]
        assert one.size == one.path.stat().st_size
    assert sorted(tmp_path.iterdir()) == [tmp_path / f"{uid}.dcm" for uid in UIDS]


def test_association_dropped_in_the_middle_costs_only_what_is_missing(tmp_path: Path) -> None:
    there = archive(before_store=dropping_after(3))
    with scripted_peer(there) as peer:
        arrived, failed = fetched(source(peer), listed(there), tmp_path)

    assert (failed, sorted(one.uid for one in arrived)) == ([], UIDS)
    assert there.sent == UIDS
    assert there.asked[1]["QueryRetrieveLevel"] == "IMAGE"
    assert not list(tmp_path.glob(".*"))


def test_node_that_closes_after_every_instance_still_gives_all(tmp_path: Path) -> None:
    gone: set[str] = set()

    def before_store(uid: str, number: int) -> None:
        if number and uid not in gone:
            gone.add(uid)
            raise GoneError

    there = archive(before_store=before_store)
    with scripted_peer(there) as peer:
        arrived, failed = fetched(source(peer), listed(there), tmp_path)

    assert (failed, sorted(one.uid for one in arrived)) == ([], UIDS)
    assert len(peer.talks) == len(UIDS)


def test_success_with_instances_missing_is_not_believed(tmp_path: Path) -> None:
    there = archive(lost=frozenset(UIDS[2:4]), counts=False)
    with scripted_peer(there) as peer:
        arrived, failed = fetched(source(peer), listed(there), tmp_path)

    assert len(arrived) == 6
    assert [(one.uid, one.reason) for one in failed] == [(uid, Reason.INCOMPLETE) for uid in UIDS[2:4]]
    assert "it said Success" in failed[0].message
    assert [one.get("SOPInstanceUID") for one in there.asked] == [None, *UIDS[2:4]]


def test_success_with_nothing_sent_is_incomplete_after_a_few_more_tries(tmp_path: Path) -> None:
    there = archive(lost=frozenset(UIDS))
    with scripted_peer(there) as peer:
        arrived, failed = fetched(source(peer), listed(there), tmp_path)

    assert (arrived, [one.uid for one in failed]) == ([], UIDS)
    assert len(there.asked) == 6


def test_success_with_nothing_sent_is_incomplete_without_a_listing_too(tmp_path: Path) -> None:
    there = archive(lost=frozenset(UIDS), counts=False)
    with scripted_peer(there) as peer:
        arrived, failed = fetched(source(peer), RetrieveRequest(STUDY), tmp_path)

    assert (arrived, [one.reason for one in failed]) == ([], [Reason.INCOMPLETE])


def test_node_that_names_what_failed_is_quoted(tmp_path: Path) -> None:
    there = archive(lost=frozenset(UIDS[:1]), names_failed=True, status=0xB000)
    with scripted_peer(there) as peer:
        _, failed = fetched(source(peer), RetrieveRequest(STUDY), tmp_path)

    assert [one.uid for one in failed] == UIDS[:1]
    assert "0xB000" in failed[0].message


def test_node_that_counts_failures_without_names_is_quoted_too(tmp_path: Path) -> None:
    there = archive(lost=frozenset(UIDS[:2]), status=0xB000)
    there.instances["1.2.3.1.99"] = ct_instance("1.2.3.1.99")
    with scripted_peer(there) as peer:
        _, failed = fetched(source(peer), RetrieveRequest(STUDY, (SERIES,)), tmp_path)

    assert [(one.uid, one.reason) for one in failed] == [("", Reason.INCOMPLETE)]
    assert "2 instances missing" in failed[0].message


@pytest.mark.parametrize(("status", "talks"), [(0xA900, 1), (0xA701, 1), (0xC123, 1)])
def test_refused_retrieve_is_an_error_with_its_status(tmp_path: Path, status: int, talks: int) -> None:
    there = archive(lost=frozenset(UIDS), status=status)
    with scripted_peer(there) as peer, pytest.raises(NodeError, match=f"0x{status:04X}"):
        fetched(source(peer), listed(there), tmp_path)

    assert len(peer.talks) == talks


def test_what_is_in_the_spool_already_is_not_fetched_again(tmp_path: Path) -> None:
    there = archive()
    (tmp_path / "1.2.3.1.1.dcm").write_bytes(b"from an earlier attempt")
    with scripted_peer(there) as peer:
        arrived, _ = fetched(source(peer), RetrieveRequest(STUDY, instances=there.refs()[1:]), tmp_path)

    assert [one.uid for one in arrived] == UIDS[1:]
    assert [one["QueryRetrieveLevel"] for one in there.asked] == ["IMAGE"]


def test_single_series_are_asked_for_with_the_study_above_them(tmp_path: Path) -> None:
    there = archive()
    with scripted_peer(there) as peer:
        fetched(source(peer), RetrieveRequest(STUDY, (SERIES,)), tmp_path)

    asked = there.asked[0]
    assert (asked["QueryRetrieveLevel"], asked["StudyInstanceUID"], asked["SeriesInstanceUID"]) == (
        "SERIES",
        STUDY,
        SERIES,
    )


@pytest.mark.parametrize("uid", ["../../evil", "1.2/3", "", "1" * 65, "1..2", "a.b"])
def test_uid_that_could_leave_the_spool_is_no_file(tmp_path: Path, uid: str) -> None:
    told: list[int | None] = []

    def reply(talk: Talk, request: Message) -> None:
        told.append(talk.store(CT, uid, ct_instance("1.2.3")))
        talk.answer(request, SUCCESS)

    spool = tmp_path / "deep" / "spool"
    spool.mkdir(parents=True)
    with scripted_peer(getting(reply)) as peer:
        arrived, failed = fetched(source(peer), RetrieveRequest(STUDY), spool)

    assert (arrived, failed[0].reason, told) == ([], Reason.REJECTED, [0x0117])
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_instance_that_comes_twice_arrives_once(tmp_path: Path) -> None:
    def reply(talk: Talk, request: Message) -> None:
        for _ in range(2):
            talk.store(CT, UIDS[0], ct_instance(UIDS[0]))
        talk.answer(request, SUCCESS, completed=2)

    with scripted_peer(getting(reply)) as peer:
        arrived, _ = fetched(source(peer), RetrieveRequest(STUDY), tmp_path)

    assert [one.uid for one in arrived] == UIDS[:1]


def test_retrieve_that_stays_pending_times_out_and_leaves_no_half_file(tmp_path: Path) -> None:
    def reply(talk: Talk, request: Message) -> None:
        talk.store(CT, UIDS[0], ct_instance(UIDS[0]))
        while True:
            talk.answer(request, PENDING, remaining=7, completed=1, failed=0, warning=0)

    with scripted_peer(getting(reply)) as peer, pytest.raises(TransientNodeError) as caught:
        fetched(source(peer, HASTY, tries=Tries(attempts=1)), RetrieveRequest(STUDY), tmp_path)

    assert caught.value.reason is Reason.TIMEOUT
    assert [path.name for path in tmp_path.iterdir()] == [f"{UIDS[0]}.dcm"]


def test_error_of_whoever_takes_the_files_ends_the_retrieve(tmp_path: Path) -> None:
    there = archive()

    def full(_: Arrival) -> None:
        raise RuntimeError("no more")

    with scripted_peer(there) as peer, source(peer) as node, pytest.raises(RuntimeError, match="no more"):
        node.retrieve(listed(there), tmp_path, full)

    assert len(there.sent) <= 2


def test_spool_that_cannot_be_written_is_not_blamed_on_the_node(tmp_path: Path) -> None:
    there = archive()
    with scripted_peer(there) as peer, pytest.raises(Exception, match="gone: No such file") as caught:
        fetched(source(peer), listed(there), tmp_path / "gone")

    assert not isinstance(caught.value, NodeError)


def test_node_that_offers_no_retrieve_is_told_so(tmp_path: Path) -> None:
    def script(talk: Talk) -> None:
        talk.accept(refuse=lambda one: one.abstract_syntax.endswith(".2.2.3"))
        talk.until_released()

    with scripted_peer(script) as peer, pytest.raises(NodeError, match="does not offer C-GET") as caught:
        fetched(source(peer), RetrieveRequest(STUDY), tmp_path)

    assert caught.value.reason is Reason.NO_CONTEXT


def test_study_of_more_classes_than_one_association_can_hold_is_fetched_whole(tmp_path: Path) -> None:
    classes = {f"1.2.3.1.{number}": f"1.2.840.10008.5.1.4.1.1.9999.{number}" for number in range(90)}
    there = Archive({uid: ct_instance(uid) for uid in classes}, classes=classes)
    with scripted_peer(there) as peer:
        arrived, failed = fetched(source(peer), listed(there), tmp_path)

    assert (failed, {one.uid: one.sop_class_uid for one in arrived}) == ([], classes)
    assert max(len(talk.contexts) for talk in peer.talks) <= 128


def test_move_returns_what_the_node_said_at_its_end() -> None:
    def reply(talk: Talk, request: Message) -> None:
        assert request.command.move_destination == "THERE"
        talk.answer(request, PENDING, remaining=2, completed=1, failed=0, warning=0)
        failed = encode_attributes({"FailedSOPInstanceUIDList": "1.2\\1.3"}, EXPLICIT)
        talk.answer(request, 0xB000, failed, completed=1, failed=2)

    with scripted_peer(getting(reply)) as peer:
        party = Party.of("pacs", peer.as_node(), "US")
        with Association.open(party, numbered([(STUDY_MOVE, UNCOMPRESSED)])) as assoc:
            told = c_move(
                assoc, STUDY_MOVE, encode_attributes({"StudyInstanceUID": STUDY}, EXPLICIT), "THERE"
            )

    assert told == SubOperations(0xB000, completed=1, failed=2, warning=None, failed_uids=("1.2", "1.3"))


def test_study_that_is_fetched_again_from_the_start_is_reported_once(tmp_path: Path) -> None:
    there = archive(before_store=dropping_after(3))
    with scripted_peer(there) as peer:
        arrived, failed = fetched(source(peer), RetrieveRequest(STUDY), tmp_path)

    assert (failed, [one.uid for one in arrived]) == ([], UIDS)
    assert len(there.sent) == len(UIDS) + 3


def test_instance_that_is_named_as_failed_and_arrived_is_no_failure(tmp_path: Path) -> None:
    def reply(talk: Talk, request: Message) -> None:
        talk.store(CT, UIDS[0], ct_instance(UIDS[0]))
        named = encode_attributes({"FailedSOPInstanceUIDList": UIDS[0]}, EXPLICIT)
        talk.answer(request, 0xB000, named, completed=0, failed=0, warning=1)

    with scripted_peer(getting(reply)) as peer:
        arrived, failed = fetched(source(peer), RetrieveRequest(STUDY), tmp_path)

    assert ([one.uid for one in arrived], failed) == ([UIDS[0]], [])


def test_a_search_hands_over_each_answer_and_may_be_given_up() -> None:
    served = Semaphore(0)
    asked = Semaphore(0)

    def script(talk: Talk) -> None:
        talk.accept()
        request = talk.read()
        talk.answer(request, PENDING, encode_attributes({"StudyInstanceUID": "1.2"}, EXPLICIT))
        assert asked.acquire(timeout=60)
        with pytest.raises(Ended):
            talk.read()
        served.release()

    with scripted_peer(script, finding((PENDING, {"StudyInstanceUID": "1.3"}), (SUCCESS, {}))) as peer:
        with source(peer) as node:
            search = node.search(Level.STUDY, {})
            first = next(search)
            asked.release()
            search.close()
            again = node.find(Level.STUDY, {})

        assert (first, again) == ({"StudyInstanceUID": "1.2"}, [{"StudyInstanceUID": "1.3"}])
        assert served.acquire(timeout=60)

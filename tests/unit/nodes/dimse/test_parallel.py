"""Several associations at once: each instance once, none lost, whatever becomes of a helper."""

import math
import threading
from collections.abc import Generator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path

import pytest

from adit_cli.dicom.files import part10_header
from adit_cli.jobfile.node import Limits, Timeouts
from adit_cli.nodes.base import Arrival, FailedInstance, InstanceRef, Ready, RetrieveRequest
from adit_cli.nodes.dimse import pdu
from adit_cli.nodes.dimse.contexts import find_contexts
from adit_cli.nodes.dimse.destination import DimseDestination
from adit_cli.nodes.dimse.line import Line
from adit_cli.nodes.dimse.messages import SUCCESS
from adit_cli.nodes.dimse.pace import SLOW, Pace
from adit_cli.nodes.dimse.party import Party
from adit_cli.nodes.dimse.source import DimseSource
from adit_cli.nodes.dimse.units import Unit, shared_units, single_units, whole_units
from adit_cli.nodes.retry import Tries
from tests.support.archive import CT, EXPLICIT, STUDY, Archive, GoneError, ct_instance
from tests.support.scripted import QUICK, Script, ScriptedPeer, Talk, scripted_peer

UIDS = [f"1.2.3.1.{number}" for number in range(1, 101)]
REJECTING = pdu.AssociateReject(2, 3, 2)
SLOW_NODE = 10 * SLOW
PATIENT = Timeouts(connect=5, acse=60, dimse=60)


def rejecting(talk: Talk) -> None:
    talk.channel.control()
    talk.send_pdu(REJECTING)


def never_answering(talk: Talk) -> None:
    talk.channel.control()
    while talk.sock.recv(1 << 16):
        pass


def closing_at_once(_: Talk) -> None:
    return


def closing_when_accepted(talk: Talk) -> None:
    talk.accept()


def archive() -> Archive:
    return Archive({uid: ct_instance(uid) for uid in UIDS})


@contextmanager
def source(peer: ScriptedPeer, timeouts: Timeouts = QUICK, associations: int = 2) -> Generator[DimseSource]:
    node = DimseSource(
        "pacs", peer.as_node(timeouts), "US", Limits(associations=associations), Tries(2, first_pause=0)
    )
    node.pace.note(1, 1, 0, SLOW_NODE)
    with closing(node):
        yield node


def fetched(node: DimseSource, there: Archive, spool: Path) -> tuple[list[str], list[FailedInstance]]:
    arrived: list[Arrival] = []
    failed = node.retrieve(RetrieveRequest(STUDY, instances=there.refs()), spool, arrived.append)
    return sorted(one.uid for one in arrived), failed


def test_slow_node_is_asked_over_two_associations_and_each_instance_comes_once(tmp_path: Path) -> None:
    second = threading.Event()

    def before_store(uid: str, _number: int) -> None:
        # The last piece of work is not handed out before the second association is there.
        assert uid != UIDS[12] or second.wait(10)

    there = archive()
    there.lock = nullcontext()
    there.before_store = before_store

    def noticing(talk: Talk) -> None:
        second.set()
        there(talk)

    with scripted_peer(there, noticing) as peer, source(peer) as node:
        arrived, failed = fetched(node, there, tmp_path)

    assert (arrived, failed) == (sorted(UIDS), [])
    assert sorted(there.sent) == sorted(UIDS)
    assert len(peer.talks) == 2


@pytest.mark.parametrize("second", [rejecting, never_answering, closing_at_once, closing_when_accepted])
def test_second_association_that_fails_costs_nothing(tmp_path: Path, second: Script) -> None:
    there = archive()
    with scripted_peer(there, second, there) as peer, source(peer, PATIENT) as node:
        arrived, failed = fetched(node, there, tmp_path)

    assert (arrived, failed) == (sorted(UIDS), [])


def test_helper_that_is_dropped_in_the_middle_gives_its_work_back(tmp_path: Path) -> None:
    there = archive()
    dropping = Archive(there.instances, before_store=_drop_at_third)
    with scripted_peer(there, dropping) as peer, source(peer) as node:
        arrived, failed = fetched(node, there, tmp_path)

    assert (arrived, failed) == (sorted(UIDS), [])


def _drop_at_third(_uid: str, number: int) -> None:
    if number % 3 == 2:
        raise GoneError


def test_error_of_whoever_takes_the_files_ends_all_associations(tmp_path: Path) -> None:
    there = archive()

    def full(_: Arrival) -> None:
        raise RuntimeError("no more")

    with scripted_peer(there) as peer, source(peer) as node, pytest.raises(RuntimeError, match="no more"):
        node.retrieve(RetrieveRequest(STUDY, instances=there.refs()), tmp_path, full)

    assert len(there.sent) < len(UIDS) / 2


@pytest.mark.parametrize("second", [None, rejecting, never_answering, closing_at_once])
def test_files_are_sent_once_over_two_associations_and_none_is_lost(
    tmp_path: Path, second: Script | None
) -> None:
    received: list[str] = []

    def storing(talk: Talk) -> None:
        talk.accept()
        while True:
            message = talk.read()
            received.append(message.command.sop_instance_uid or "")
            talk.answer(message, SUCCESS)

    files = [_ready(tmp_path, uid) for uid in UIDS]
    with scripted_peer(storing, second or storing, storing) as peer:
        node = DimseDestination("pacs", peer.as_node(), "US", Limits(associations=2), Tries(first_pause=0))
        node.pace.note(1, 1, 0, SLOW_NODE)
        with closing(node):
            told = node.begin("key").add(files)

    assert sorted(one.uid for one in told if one.accepted) == sorted(UIDS)
    assert sorted(received) == sorted(UIDS)


def _ready(folder: Path, uid: str) -> Ready:
    path = folder / f"{uid}.dcm"
    path.write_bytes(part10_header(CT, uid, EXPLICIT) + ct_instance(uid))
    return Ready(path, uid, CT, EXPLICIT, path.stat().st_size)


def test_pace_starts_alone_and_stays_so_on_a_quick_node() -> None:
    pace = Pace(4)
    assert (pace.wanted(), pace.is_known) == (1, False)

    pace.note(1, 16, 8_000_000, 0.02)

    assert (pace.wanted(), pace.is_known) == (1, True)


def test_pace_expects_of_a_node_that_answers_late_that_several_pay_until_it_is_known() -> None:
    pace = Pace(4)

    assert [pace.expected(SLOW / 2), pace.expected(SLOW)] == [1, 4]
    pace.note(1, 100, 0, 100 * SLOW)
    assert pace.expected(SLOW / 2) == 4
    pace.note(4, 100, 0, 400 * SLOW)
    assert pace.expected(10 * SLOW) == 1


@pytest.mark.parametrize(
    ("round_trip", "levels"), [(SLOW / 2, ["STUDY"]), (SLOW * 2, ["IMAGE"] * 3)], ids=["near", "far"]
)
def test_first_study_of_a_near_node_is_one_request_and_of_a_far_one_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, round_trip: float, levels: list[str]
) -> None:
    monkeypatch.setattr(Line, "round_trip", round_trip)
    there = archive()

    with scripted_peer(there) as peer:
        node = DimseSource("pacs", peer.as_node(QUICK), "US", Limits(associations=2), Tries(2, first_pause=0))
        with closing(node):
            assert fetched(node, there, tmp_path) == (sorted(UIDS), [])

    assert [one["QueryRetrieveLevel"] for one in there.asked[: len(levels)]] == levels


def test_round_trip_is_known_once_a_node_has_answered() -> None:
    with scripted_peer(archive()) as peer:
        line = Line(Party.of("pacs", peer.as_node(QUICK), "US"))
        before = line.round_trip
        line.ready(find_contexts())

        assert line.round_trip < before == math.inf
        line.close()
        assert line.round_trip == math.inf


def test_pace_takes_all_where_waiting_prevails_and_goes_back_where_it_does_not_help() -> None:
    pace = Pace(4)
    pace.note(1, 16, 0, 16 * 0.010)
    assert pace.wanted() == 4

    pace.note(4, 16, 0, 16 * 0.011)
    assert pace.wanted() == 4

    for _ in range(8):
        pace.note(4, 16, 0, 16 * 0.050)
    assert pace.wanted() == 1


def test_pace_does_not_take_large_objects_for_a_slow_node() -> None:
    pace = Pace(4)

    pace.note(1, 2, 600_000_000, 2.0)

    assert pace.wanted() == 1


def test_pace_keeps_below_what_the_node_refused() -> None:
    pace = Pace(4)
    pace.note(1, 16, 0, 1.0)

    pace.refused(2)

    assert pace.wanted() == 2


def refs(counts: dict[str, int]) -> tuple[InstanceRef, ...]:
    return tuple(
        InstanceRef("1", series, f"{series}.{number}", CT)
        for series, count in counts.items()
        for number in range(count)
    )


def test_shared_requests_hold_every_instance_once_and_one_series_each() -> None:
    listed = refs({"1.1": 100, "1.2": 3, "1.3": 900})

    units = shared_units("1", listed, 4)

    assert sorted(one.uid for unit in units for one in unit.instances) == sorted(one.uid for one in listed)
    assert all({one.series_uid for one in unit.instances} == {unit.series_uid} for unit in units)
    sizes = [len(unit.instances) for unit in units]
    assert max(sizes) <= 1003 // 8
    assert sizes[-1] <= 8 < sizes[2]


def test_identifiers_hold_all_unique_keys_from_the_study_down() -> None:
    (series,) = whole_units(RetrieveRequest("1", ("1.1",), refs({"1.1": 2, "1.2": 1})))
    single = single_units("1", refs({"1.1": 2}))[1]

    assert Unit("1").identifier() == {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "1"}
    assert series.identifier() == {
        "QueryRetrieveLevel": "SERIES",
        "StudyInstanceUID": "1",
        "SeriesInstanceUID": "1.1",
    }
    assert len(series.instances) == 2
    assert single.identifier() == {
        "QueryRetrieveLevel": "IMAGE",
        "StudyInstanceUID": "1",
        "SeriesInstanceUID": "1.1",
        "SOPInstanceUID": "1.1.1",
    }


def test_what_remains_of_a_request_is_asked_for_by_instance() -> None:
    listed = refs({"1.1": 3, "1.2": 2})
    study = Unit("1", instances=listed)

    assert study.remaining(set()) == [study]
    assert study.remaining({one.uid for one in listed}) == []
    assert [unit.instances for unit in study.remaining({"1.1.0"})] == [listed[1:3], listed[3:]]

"""C-MOVE of one study over several associations: all of it, each instance once, whatever the archive does."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import pytest

from adit_cli.jobfile.receiver import Order, ReceiverSpec
from adit_cli.nodes.base import Arrival, FailedInstance, RetrieveRequest
from adit_cli.nodes.dimse.fetching import Fetching, Means
from adit_cli.nodes.dimse.line import Line
from adit_cli.nodes.dimse.pace import Pace
from adit_cli.nodes.dimse.party import Party
from adit_cli.nodes.dimse.standby import Standby
from adit_cli.nodes.dimse.units import PROBE
from adit_cli.nodes.retry import Tries
from tests.support.archive import SERIES, STUDY, GoneError
from tests.support.moving import Behaviour, Move, MovingArchive
from tests.support.process import LOOPBACK
from tests.support.scripted import QUICK, scripted_peer

UIDS = [f"1.2.3.1.{number}" for number in range(1, 101)]
AT_ONCE = Tries(first_pause=0)
MANY_SECONDS, LONGEST = 10.0, 30.0
IDENTIFIER_MISMATCH = 0xA900


@pytest.fixture(scope="module")
def order(tmp_path_factory: pytest.TempPathFactory) -> Generator[Order]:
    """A receiver that runs for all tests of this file."""
    order = Order(tmp_path_factory.mktemp("state") / "inbox", "ADIT", ReceiverSpec(host=LOOPBACK, port=0))
    with closing(Standby(order)) as standby:
        standby.ready()
        yield order


def fetched(
    order: Order, archive: MovingArchive, spool: Path, *, associations: int = 2
) -> tuple[list[str], list[FailedInstance]]:
    """Have a study moved by an archive that is slow enough to be asked over several associations."""
    arrived: list[Arrival] = []
    with scripted_peer(archive) as peer:
        party = Party.of("pacs", peer.as_node(QUICK), "US")
        lines = [Line(party, helper=number > 0) for number in range(associations)]
        means = Means(("c-move",), order, settle=0)
        with closing(Fetching(lines, Pace(associations), AT_ONCE, means)) as fetching:
            fetching.moving_pace.note(1, 1, 0, MANY_SECONDS)
            failed = fetching.fetch(RetrieveRequest(STUDY, instances=archive.refs()), spool, arrived.append)
            for line in lines:
                line.close()
    return sorted(one.uid for one in arrived), failed


def archive_of(order: Order, *behaviours: Behaviour) -> MovingArchive:
    return MovingArchive(order.inbox, UIDS, behaviours)


def together() -> Behaviour:
    """Return a behaviour that does nothing before two requests are being served."""
    both = threading.Barrier(2, timeout=LONGEST)

    def waits_for_the_other(move: Move) -> None:
        both.wait()
        move.honest()

    return waits_for_the_other


def test_study_is_asked_for_over_two_associations_at_once(order: Order, tmp_path: Path) -> None:
    at_once = together()
    archive = archive_of(order, Move.honest, at_once, at_once, Move.honest)

    arrived, failed = fetched(order, archive, tmp_path)

    assert (arrived, failed) == (sorted(UIDS), [])
    assert sorted(archive.stored) == sorted(UIDS)
    assert archive.asked[0]["SOPInstanceUID"].split("\\") == UIDS[:PROBE]


def test_archive_that_does_not_move_by_instances_is_asked_for_the_study(order: Order, tmp_path: Path) -> None:
    def refuses_lists(move: Move) -> None:
        if move.asked["QueryRetrieveLevel"] == "IMAGE":
            move.end(IDENTIFIER_MISMATCH)
        else:
            move.honest()

    archive = archive_of(order, refuses_lists)

    assert fetched(order, archive, tmp_path) == (sorted(UIDS), [])
    assert [one["QueryRetrieveLevel"] for one in archive.asked] == ["IMAGE", "STUDY"]


def test_what_an_association_leaves_when_it_ends_comes_over_another(order: Order, tmp_path: Path) -> None:
    at_once = together()

    def dies_in_the_middle(move: Move) -> None:
        move.store(move.uids[:3])
        raise GoneError

    archive = archive_of(order, Move.honest, at_once, at_once, dies_in_the_middle, Move.honest)

    assert fetched(order, archive, tmp_path) == (sorted(UIDS), [])
    assert sorted(archive.stored) == sorted(UIDS)


def test_with_one_association_the_study_is_one_request(order: Order, tmp_path: Path) -> None:
    archive = archive_of(order, Move.honest)

    assert fetched(order, archive, tmp_path, associations=1) == (sorted(UIDS), [])
    assert archive.asked == [{"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": STUDY}]


def test_requests_are_long_enough_to_be_worth_an_association_each(order: Order, tmp_path: Path) -> None:
    archive = archive_of(order, Move.honest)

    fetched(order, archive, tmp_path)

    lengths = [len(one["SOPInstanceUID"].split("\\")) for one in archive.asked]
    assert sorted(lengths) == [8, 28, 32, 32]
    assert {one["SeriesInstanceUID"] for one in archive.asked} == {SERIES}

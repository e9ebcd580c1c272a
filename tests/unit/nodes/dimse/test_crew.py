import threading

import pytest

from adit_cli.errors import TransientNodeError
from adit_cli.jobfile.node import DimsePeer
from adit_cli.nodes.dimse.crew import Crew
from adit_cli.nodes.dimse.line import Line
from adit_cli.nodes.dimse.pace import SLOW, Pace
from adit_cli.nodes.dimse.party import Party

PARTY = Party.of("", DimsePeer(ae_title="X", host="127.0.0.1", port=1), "US")


def slow_pace(limit: int = 2) -> Pace:
    pace = Pace(limit)
    pace.note(1, 1, 0, 10 * SLOW)
    return pace


class Work:
    """Notes who did what; the second line waits, fails or works as it is told."""

    def __init__(self, lines: list[Line], error: BaseException | None = None) -> None:
        self.done: list[tuple[int, int]] = []
        self.helper_ended = threading.Event()
        self._lines = lines
        self._error = error

    def open(self, line: Line) -> None:
        """Open nothing."""

    def do(self, line: Line, piece: int, associations: int) -> None:
        """Do a piece: the caller's first one lasts until the helper has had its turn."""
        assert associations in {1, 2}
        who = self._lines.index(line)
        if who == 0 and piece == 0:
            assert self.helper_ended.wait(10)
        if who == 1:
            self.helper_ended.set()
            if self._error is not None:
                raise self._error
        self.done.append((who, piece))


def test_helper_and_caller_share_the_work() -> None:
    lines = [Line(PARTY), Line(PARTY)]
    work = Work(lines)

    associations = Crew(lines, slow_pace(), work.open, work.do).run(range(10))

    assert associations == 2
    assert sorted(piece for _, piece in work.done) == list(range(10))
    assert {who for who, _ in work.done} == {0, 1}


def test_work_that_a_helper_could_not_do_is_done_by_the_caller() -> None:
    lines = [Line(PARTY), Line(PARTY)]
    work, pace = Work(lines, TransientNodeError("gone")), slow_pace()

    Crew(lines, pace, work.open, work.do).run(range(10))

    assert sorted(work.done) == [(0, piece) for piece in range(10)]
    assert pace.wanted() == 1


def test_bug_in_a_helper_is_not_swallowed() -> None:
    lines = [Line(PARTY), Line(PARTY)]
    work = Work(lines, KeyError("bug"))

    with pytest.raises(KeyError):
        Crew(lines, slow_pace(), work.open, work.do).run(range(10))


def test_quick_node_gets_no_helper() -> None:
    lines = [Line(PARTY), Line(PARTY)]
    work = Work(lines)
    work.helper_ended.set()

    associations = Crew(lines, Pace(2), work.open, work.do).run(range(10))

    assert associations == 1
    assert {who for who, _ in work.done} == {0}

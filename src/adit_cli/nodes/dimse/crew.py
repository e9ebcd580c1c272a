"""Several associations to one node that share the work on one study, each in a thread of its own.

Whoever takes a piece of work does it or gives it back: nothing is lost when an association ends early.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from adit_cli.errors import NodeError
from adit_cli.nodes.dimse.line import Line
from adit_cli.nodes.dimse.pace import Pace

Work = TypeVar("Work")
logger = logging.getLogger(__name__)


class Crew(Generic[Work]):
    """The thread that calls works on the first line; helpers come while the pace asks for them.

    `do` is told how many work at that moment. A helper first opens its line: a node that serves one
    association after the other lets it wait, and it must not hold work meanwhile.
    """

    def __init__(
        self,
        lines: list[Line],
        pace: Pace,
        open_line: Callable[[Line], object],
        do: Callable[[Line, Work, int], None],
    ) -> None:
        self._lines = lines
        self._pace = pace
        self._open = open_line
        self._do = do
        self._work: deque[Work] = deque()
        self._lock = threading.Lock()
        self._busy = 1
        self._most = 1
        self._is_over = False
        self._waiting: set[Line] = set()
        self._error: BaseException | None = None

    def run(self, work: Iterable[Work]) -> int:
        """Do all of it; return how many associations shared it.

        What a helper cannot do is given back; the caller's own failure is raised.
        """
        self._work = deque(work)
        for line in self._lines:
            line.rearm()
        helpers: list[threading.Thread] = []
        try:
            while (piece := self._take()) is not None:
                helpers = helpers or self._hire()
                self._do(self._lines[0], piece, self._busy)
        except BaseException:
            self._end(helpers, self._lines[1:])
            raise
        self._end(helpers, self._waiting)
        while (piece := self._take()) is not None:
            self._do(self._lines[0], piece, 1)
        return self._most

    def _take(self) -> Work | None:
        with self._lock:
            if self._error is not None:
                raise self._error
            return self._work.popleft() if self._work else None

    def _hire(self) -> list[threading.Thread]:
        """Start helpers, if any are wanted; never before the caller has its own association."""
        wanted = self._lines[1 : min(self._pace.wanted(), len(self._work) + 1)]
        if not wanted or not self._has_opened():
            return []
        helpers = [threading.Thread(target=self._help, args=(line,), daemon=True) for line in wanted]
        self._waiting = set(wanted)
        for helper in helpers:
            helper.start()
        return helpers

    def _has_opened(self) -> bool:
        try:
            self._open(self._lines[0])
        except NodeError as error:
            logger.info("No helpers yet: %s", error)
            return False
        return True

    def _help(self, line: Line) -> None:
        try:
            self._open(line)
            if self._join_in(line):
                self._work_along(line)
        except NodeError as error:
            logger.info("Going on with fewer associations: %s", error)
            self._pace.refused(self._busy)
        except BaseException as error:  # noqa: BLE001 - handed to the thread that called
            self._error = self._error or error

    def _join_in(self, line: Line) -> bool:
        with self._lock:
            self._waiting.discard(line)
            self._busy += not self._is_over
            self._most = max(self._most, self._busy)
            return not self._is_over

    def _work_along(self, line: Line) -> None:
        try:
            while self._pace.wanted() > 1 and (piece := self._take()) is not None:
                self._do_or_return(line, piece)
        finally:
            with self._lock:
                self._busy -= 1

    def _do_or_return(self, line: Line, piece: Work) -> None:
        try:
            self._do(line, piece, self._busy)
        except NodeError:
            with self._lock:
                self._work.append(piece)
            raise

    def _end(self, helpers: list[threading.Thread], interrupted: Iterable[Line]) -> None:
        """Wait for the helpers; those on the interrupted lines are not let to wait for the node."""
        with self._lock:
            self._is_over = True
            lines = list(interrupted)
        for line in lines:
            line.interrupt()
        for helper in helpers:
            helper.join()

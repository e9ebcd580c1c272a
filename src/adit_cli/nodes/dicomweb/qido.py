"""Searches (QIDO-RS, PS3.18 §10.6): page after page, until it is proven that there is nothing more.

A server may cap its pages, ignore `offset` and say nothing. What proves that an answer is whole: the count
that the study or series above it gives, a page shorter than others, an empty page behind it, and for studies
their days asked one by one. What cannot be proven is an error, never a shorter list.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass

from adit_cli.dicom.query import Attributes, Level
from adit_cli.errors import NodeError, Reason
from adit_cli.nodes.dicomweb.answer import Answer
from adit_cli.nodes.dicomweb.connection import Ask, WebConnection
from adit_cli.nodes.dicomweb.days import CannotHalveError, by_days
from adit_cli.nodes.dicomweb.failures import malformed
from adit_cli.nodes.dicomweb.learned import Learned
from adit_cli.nodes.dicomweb.model import attributes_of
from adit_cli.nodes.dicomweb.search import (
    UNIQUE,
    Search,
    fits,
    identity,
    in_parts,
    is_asked_for,
    search_for,
    without_escapes,
)

logger = logging.getLogger(__name__)

PAGE = 1000
_ACCEPT = "application/dicom+json"
_NO_CONTENT, _PARTIAL, _BAD_REQUEST, _NOT_FOUND = 204, 206, 400, 404
_CONTROL = frozenset(("QueryRetrieveLevel", "SpecificCharacterSet"))
_Found = dict[str, Attributes]


@dataclass(frozen=True, slots=True)
class _Page:
    found: list[Attributes]
    more: bool
    """The server said that there is more."""

    @property
    def is_cut(self) -> bool:
        """Whether it is certain that there is more than this page holds."""
        return self.more or len(self.found) >= PAGE


class Qido:
    """The searches of one node; what was learned about its paging is kept."""

    def __init__(self, connection: WebConnection, prefix: str) -> None:
        self._connection = connection
        self._prefix = prefix
        self._learned = Learned()

    def find(self, level: Level, keys: Mapping[str, str]) -> list[Attributes]:
        """Return all that match; what the server doesn't return of an answer stays absent."""
        return list(self.search(level, keys))

    def search(self, level: Level, keys: Mapping[str, str]) -> Generator[Attributes]:
        """Yield what matches, page by page."""
        asked = {keyword: value for keyword, value in keys.items() if keyword not in _CONTROL}
        if level is Level.PATIENT:
            studies = self._each(Level.STUDY, {"PatientID": "", "IssuerOfPatientID": "", **asked})
            yield from _patients(studies)
        else:
            yield from self._each(level, asked)

    def _each(self, level: Level, keys: Mapping[str, str]) -> Iterator[Attributes]:
        told: set[str] = set()
        for part in in_parts(keys, level):
            for answer in self._answers(level, part):
                if (one := identity(answer, UNIQUE[level])) not in told and is_asked_for(answer, part):
                    told.add(one)
                    yield answer

    def _answers(self, level: Level, keys: Mapping[str, str]) -> Iterator[Attributes]:
        """Yield what the server finds; where escapes of the URL may hide it all, wildcards find it."""
        loosened = without_escapes(keys)
        found = False
        if loosened == keys or self._learned.reads_escapes:
            for answer in self._as_asked(level, keys):
                found = True
                yield answer
        if found or loosened == keys:
            return
        for answer in self._as_asked(level, loosened):
            if fits(answer, keys, loosened):
                self._learned.reads_escapes = False
                yield answer

    def _as_asked(self, level: Level, keys: Mapping[str, str]) -> Iterator[Attributes]:
        for answers in self._pages(search_for(level, keys)):
            self._learned.note_counts(level, answers)
            yield from answers

    def _pages(self, search: Search) -> Iterator[list[Attributes]]:
        found: _Found = {}
        before = 0
        while True:
            page = self._page(search, offset=len(found))
            fresh = self._fresh(search, page, found)
            if not fresh and page.found:
                yield self._despite_offset(search, page, found)
                return
            yield list(fresh.values())
            found |= fresh
            if not fresh:
                self._learned.note_whole(search.level, before)
                break
            before = len(page.found)
            if not page.more and self._is_last(search, before, found):
                break
        self._check_count(search, found)

    def _fresh(self, search: Search, page: _Page, found: Collection[str]) -> _Found:
        unique = UNIQUE[search.level]
        if not all(one.get(unique) for one in page.found):
            raise malformed(self._connection.name, search.doing, "results that have no UID")
        results = {identity(one, unique): search.above | one for one in page.found}
        return {name: one for name, one in results.items() if name not in found}

    def _is_last(self, search: Search, size: int, found: _Found) -> bool:
        """Return whether a page must be the last: by the count above it, or by other pages of this server."""
        if search.single and size == 1:
            return True
        if (count := self._count_of(search)) is not None:
            return len(found) == count
        return self._learned.is_short(search.level, size, PAGE)

    def _count_of(self, search: Search) -> int | None:
        """Return how many answers the study or series above says there are; None where it doesn't say."""
        known = self._learned.counts.get(search.path) if search.everything else None
        parent = search.parent()
        if known is not None or parent is None or not self._learned.counts_at(parent[0]):
            return known
        level, uids, word = parent
        above = search_for(level, {**uids, word: ""})
        try:
            page = self._page(above, offset=0)
        except NodeError as error:
            if error.transient:
                raise
            page = _Page([], more=False)
        self._learned.note_counts(level, [above.above | one for one in page.found], asked=True)
        return self._learned.counts.get(search.path)

    def _check_count(self, search: Search, found: _Found) -> None:
        """Raise where what is above counts more than was found: then the server held something back."""
        count = self._learned.counts.pop(search.path, None) if search.everything else None
        if count is not None and count > len(found):
            raise self._cut(f"lists {len(found)} results at {search.level.lower()} level and counts {count}")

    def _despite_offset(self, search: Search, page: _Page, found: _Found) -> list[Attributes]:
        """Return what a server holds back that repeats its first page; NodeError where nothing proves it."""
        if (count := self._count_of(search)) is not None:
            self._check_count(search, found)
            if len(found) >= count:
                return []
        if not page.is_cut and (len(found) == 1 or self._gives_more(search, len(found))):
            return []
        told = (
            f"gives the same results when asked for those after the first {len(found)}: it ignores `offset`"
        )
        if search.level is not Level.STUDY:
            raise self._cut(f"{told}, and may have more")
        try:
            studies = by_days(self._first_page, {"StudyDate": "", **search.keys}, self._dated(search, found))
        except CannotHalveError:
            raise self._cut(f"{told}, and may have more") from None
        logger.info("%s ignores `offset`: its studies were asked for by their days", self._connection.name)
        return studies

    def _gives_more(self, search: Search, count: int) -> bool:
        """Return whether the server has given longer answers than this one, so that this one was not cut."""
        if self._learned.largest[search.level] <= count and not search.above:
            self._try_more(search_for(search.level, {}), count + 1)
        return self._learned.largest[search.level] > count

    def _try_more(self, search: Search, limit: int) -> None:
        try:
            page = self._page(search, offset=0, limit=limit)
        except NodeError as error:
            if error.transient:
                raise
            return
        self._learned.note_page(search.level, len(page.found))

    def _dated(self, search: Search, found: _Found) -> list[Attributes]:
        """Return what was found with the dates that halving needs."""
        if "StudyDate" in search.keys:
            return list(found.values())
        return self._first_page({**search.keys, "StudyDate": ""})

    def _first_page(self, keys: Mapping[str, str]) -> list[Attributes]:
        search = search_for(Level.STUDY, keys)
        return list(self._fresh(search, self._page(search, offset=0), ()).values())

    def _cut(self, what: str) -> NodeError:
        return NodeError(
            f"{self._connection.name} {what}.",
            hint="Narrow the query, by a shorter range of dates for instance, or ask over DIMSE.",
            reason=Reason.INCOMPLETE,
        )

    def _page(self, search: Search, offset: int, limit: int = PAGE) -> _Page:
        paging = [f"limit={limit}" if self._learned.takes_limit else "", f"offset={offset}" if offset else ""]
        query = "&".join(part for part in (search.query, *paging, "fuzzymatching=false") if part)
        ask = Ask(search.doing, self._prefix + search.path, _ACCEPT, query)
        with self._connection.exchange(ask) as answer:
            refused = answer.status == _BAD_REQUEST and self._learned.takes_limit
            unknown = answer.status == _NOT_FOUND and search.path.count("/") > 1
            if not refused and not unknown:
                return self._read(answer, search)
            answer.drain()
        if unknown:
            return self._nothing_below(search)
        self._learned.takes_limit = False
        return self._page(search, offset)

    def _read(self, answer: Answer, search: Search) -> _Page:
        answer.check()
        self._learned.answers = True
        datasets = answer.datasets() if answer.status != _NO_CONTENT else []
        if datasets is None:
            raise malformed(answer.name, answer.doing, "an empty body")
        found = [attributes_of(dataset, search.asked) for dataset in datasets]
        told = "additional results" in answer.header("Warning").lower()
        return _Page(found, more=told or answer.status == _PARTIAL)

    def _nothing_below(self, search: Search) -> _Page:
        """Return an empty page for a study that isn't there, having made sure that the service is."""
        if not self._learned.answers:
            study = search.path.split("/")[2]
            self._page(search_for(Level.STUDY, {"StudyInstanceUID": study}), offset=0)
        return _Page([], more=False)


def _patients(studies: Iterable[Attributes]) -> Iterator[Attributes]:
    """Yield one entry for each patient of the studies, since QIDO-RS has no patient level."""
    seen: set[str] = set()
    for study in studies:
        if (who := identity(study, "PatientID")) not in seen:
            seen.add(who)
            yield {keyword: value for keyword, value in study.items() if "Patient" in keyword}

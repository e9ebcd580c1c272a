"""Searches (QIDO-RS, PS3.18 §10.6): page after page, until a page brings nothing new.

A server may cap its pages and say nothing, so only a page that is shorter than
others, or an empty one, proves that an answer was whole.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from adit_cli.dicom.query import Attributes, Level
from adit_cli.errors import NodeError, Reason
from adit_cli.nodes.dicomweb.answer import Answer
from adit_cli.nodes.dicomweb.connection import Ask, WebConnection
from adit_cli.nodes.dicomweb.failures import malformed, not_dicomweb
from adit_cli.nodes.dicomweb.model import attributes_of, datasets_in, keys_in_model

logger = logging.getLogger(__name__)

PAGE = 1000
UIDS_A_REQUEST = 40
"""A list of UIDs goes into the URL, and many servers take no more than 8 KiB of that."""
_ACCEPT = "application/dicom+json"
_NO_CONTENT, _BAD_REQUEST, _NOT_FOUND = 204, 400, 404
_CONTROL = frozenset(("QueryRetrieveLevel", "SpecificCharacterSet"))
_UNIQUE = {
    Level.STUDY: "StudyInstanceUID",
    Level.SERIES: "SeriesInstanceUID",
    Level.IMAGE: "SOPInstanceUID",
}


@dataclass(frozen=True, slots=True)
class Search:
    """One search at one level: where it goes, and its parameters without those of paging."""

    level: Level
    path: str
    query: str
    asked: dict[str, str]
    """The keywords asked for, by their key in the JSON model."""
    above: Attributes
    """The UIDs that the path holds, which an answer need not repeat."""
    single: bool = False
    """It names one thing by its UID, so that one answer is all there can be."""

    @property
    def doing(self) -> str:
        """What messages call it."""
        return f"QIDO-RS at {self.level.lower()} level"


@dataclass(frozen=True, slots=True)
class _Page:
    found: list[Attributes]
    more: bool
    """The server said that there is more."""


class Qido:
    """The searches of one node; what was learned about its paging is kept."""

    def __init__(self, connection: WebConnection, prefix: str) -> None:
        self._connection = connection
        self._prefix = prefix
        self._limit = True
        self._answers = False
        self.notes: dict[str, None] = {}
        """What a person should know of the answers so far, each once."""
        self._largest = dict.fromkeys(Level, 0)
        """By level, the longest page: a shorter one was not capped."""
        self._whole = dict.fromkeys(Level, 0)
        """By level, the longest page that an empty one after it proved to be the last."""

    def find(self, level: Level, keys: Mapping[str, str]) -> list[Attributes]:
        """Return all that match; what the server doesn't return of an answer stays absent."""
        asked = {keyword: value for keyword, value in keys.items() if keyword not in _CONTROL}
        if level is Level.PATIENT:
            return _patients(self._all(Level.STUDY, {"PatientID": "", "IssuerOfPatientID": "", **asked}))
        return self._all(level, asked)

    def _all(self, level: Level, keys: Mapping[str, str]) -> list[Attributes]:
        found: dict[str, Attributes] = {}
        for part in _in_parts(keys, level):
            for answer in self._pages(search_for(level, part)):
                if _is_asked_for(answer, part):
                    found.setdefault(answer.get(_UNIQUE[level], "") or str(len(found)), answer)
        return list(found.values())

    def _pages(self, search: Search) -> list[Attributes]:
        found: dict[str, Attributes] = {}
        before = 0
        while True:
            page = self._page(search, offset=len(found))
            fresh = self._fresh(search, page, found)
            if not fresh:
                if page.found:
                    self._name_a_cut(len(found), certain=page.more or len(page.found) == PAGE)
                self._whole[search.level] = max(self._whole[search.level], before)
                return list(found.values())
            found |= fresh
            before = len(page.found)
            if not page.more and self._is_last(search, before):
                return list(found.values())

    def _fresh(self, search: Search, page: _Page, found: Collection[str]) -> dict[str, Attributes]:
        results = {one.get(_UNIQUE[search.level], ""): search.above | one for one in page.found}
        if "" in results:
            raise malformed(self._connection.name, search.doing, "results that have no UID")
        return {uid: one for uid, one in results.items() if uid not in found}

    def _is_last(self, search: Search, size: int) -> bool:
        """Return whether a page is shorter than others that this server gave, or can only be one."""
        level = search.level
        self._largest[level] = max(self._largest[level], size)
        if size >= PAGE:
            return False
        return (search.single and size == 1) or size < self._largest[level] or size <= self._whole[level]

    def _name_a_cut(self, count: int, *, certain: bool) -> None:
        """Say that a server repeats its first page; where it holds back more, that is an error."""
        name = self._connection.name
        message = (
            f"{name} gave the same results when asked for those after the first {count}: it ignores `offset`"
        )
        if certain:
            raise NodeError(
                f"{message}, and has more than it gave.",
                hint="Narrow the query, by a shorter range of dates for instance.",
                reason=Reason.INCOMPLETE,
            )
        self.notes[message] = None
        logger.warning("%s. If the server caps its answers, some are missing", message)

    def _page(self, search: Search, offset: int) -> _Page:
        limit = f"limit={PAGE}" if self._limit else ""
        paging = [limit, f"offset={offset}" if offset else "", "fuzzymatching=false"]
        query = "&".join(part for part in (search.query, *paging) if part)
        ask = Ask(search.doing, self._prefix + search.path, _ACCEPT, query)
        with self._connection.exchange(ask) as answer:
            refused = answer.status == _BAD_REQUEST and self._limit
            unknown = answer.status == _NOT_FOUND and search.path.count("/") > 1
            if not refused and not unknown:
                return self._read(answer, search.asked)
            answer.drain()
        if unknown:
            return self._nothing_below(search)
        self._limit = False
        return self._page(search, offset)

    def _read(self, answer: Answer, asked: Mapping[str, str]) -> _Page:
        answer.check()
        self._answers = True
        datasets = answer.json() if answer.status != _NO_CONTENT else None
        if datasets is not None and not isinstance(datasets, list | dict):
            raise not_dicomweb(answer.name, answer.doing, answer.content_type)
        found = [attributes_of(dataset, asked) for dataset in datasets_in(datasets)]
        return _Page(found, more="additional results" in answer.header("Warning").lower())

    def _nothing_below(self, search: Search) -> _Page:
        """Return an empty page for a study that isn't there, having made sure that the service is."""
        if not self._answers:
            study = search.path.split("/")[2]
            self._page(search_for(Level.STUDY, {"StudyInstanceUID": study}), offset=0)
        return _Page([], more=False)


def search_for(level: Level, keys: Mapping[str, str]) -> Search:
    """Return where a search goes and what it asks; UIDs above the level become part of the path."""
    study, series = _single(keys, "StudyInstanceUID"), _single(keys, "SeriesInstanceUID")
    used: tuple[str, ...] = ()
    path = {Level.SERIES: "/series", Level.IMAGE: "/instances"}.get(level, "/studies")
    if study and level in {Level.SERIES, Level.IMAGE}:
        used, path = ("StudyInstanceUID",), f"/studies/{study}{path}"
        if series and level is Level.IMAGE:
            used, path = (*used, "SeriesInstanceUID"), f"/studies/{study}/series/{series}/instances"
    above = {keyword: keys[keyword] for keyword in used}
    asked = keys_in_model({**keys, _UNIQUE[level]: ""})
    left = {keyword: value for keyword, value in keys.items() if keyword not in used}
    return Search(level, path, _query(left), asked, above, single=bool(_single(keys, _UNIQUE[level])))


def _single(keys: Mapping[str, str], keyword: str) -> str:
    value = keys.get(keyword, "")
    return "" if "\\" in value or "*" in value else quote(value, safe="")


def _query(keys: Mapping[str, str]) -> str:
    """Return the parameters: lists of UIDs are joined by commas (PS3.18 §8.3.4.1)."""
    pairs = [
        (keyword, value.replace("\\", ",")) if value else ("includefield", keyword)
        for keyword, value in keys.items()
    ]
    return urlencode(pairs, quote_via=quote, safe=",*")


def _in_parts(keys: Mapping[str, str], level: Level) -> Iterator[dict[str, str]]:
    """Yield the keys with a long list of UIDs cut into pieces."""
    unique = _UNIQUE[level]
    uids = keys.get(unique, "").split("\\")
    for start in range(0, len(uids), UIDS_A_REQUEST):
        some = "\\".join(uids[start : start + UIDS_A_REQUEST])
        yield {**keys, unique: some}


def _is_asked_for(answer: Attributes, keys: Mapping[str, str]) -> bool:
    """Return whether UIDs are those asked for; a server that ignores a key answers with everything."""
    for keyword in _UNIQUE.values():
        wanted = keys.get(keyword, "")
        if wanted and "*" not in wanted and answer.get(keyword, wanted) not in {wanted, *wanted.split("\\")}:
            return False
    return True


def _patients(studies: Sequence[Attributes]) -> list[Attributes]:
    """Return one entry for each patient of the studies, since QIDO-RS has no patient level."""
    found: dict[tuple[str, str], Attributes] = {}
    for study in studies:
        who = (study.get("IssuerOfPatientID", ""), study.get("PatientID", ""))
        of_patient = {k: v for k, v in study.items() if "Patient" in k}
        found.setdefault(who, of_patient)
    return list(found.values())

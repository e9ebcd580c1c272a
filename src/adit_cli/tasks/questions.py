"""The questions that a job puts to its sources, and what comes of each: studies, or why there are none."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TypeAlias

from adit_cli.dicom.ages import born_between
from adit_cli.dicom.query import Attributes
from adit_cli.errors import Reason
from adit_cli.jobfile.query import Query
from adit_cli.nodes.base import Guarded
from adit_cli.tasks.cohort import CohortRow
from adit_cli.tasks.places import Offer, Place, first_whole
from adit_cli.tasks.resolve import ASKED, Answer, choose, grant
from adit_cli.tasks.task import Unresolved
from adit_cli.tasks.windows import Window, WindowedFind
from adit_cli.tasks.wishes import Wish

QUERY = "select.studies.query"
NAMED = 10
"""How much that a source could not read becomes a line of its own; the rest is counted."""
_BLIND = "{}: {} cuts long answers, so shorter times were asked for; studies without a {} may be missing"


@dataclass(frozen=True, slots=True)
class Part:
    """A query for the studies of some time; None is all of time."""

    query: Query
    window: Window | None
    today: date
    name: str = QUERY
    """Which of the job's queries it is, as the user finds it."""

    def __str__(self) -> str:
        return f"{self.name} {self.window}" if self.window else self.name

    def keys(self, window: Window | None) -> Attributes:
        """Return what is asked of a source for a window."""
        keys = dict.fromkeys(ASKED, "") | self.query.keys()
        if window is None:
            return keys
        ages, where = self.query.patient_age, self.query.where
        born = born_between(ages, window.days) if ages else None
        if born is not None and not {"PatientBirthDate", "PatientAge"} & where.keys():
            keys["PatientBirthDate"] = born.key()
        return keys | window.keys()


Question: TypeAlias = Wish | Part


@dataclass(frozen=True, slots=True)
class FoundOne:
    """One study that a question led to, and the rows that asked for it."""

    offer: Offer
    label: str
    rows: Sequence[CohortRow] = ()


@dataclass(slots=True)
class Reply:
    """What came of one question."""

    found: list[FoundOne] = field(default_factory=list[FoundOne])
    unresolved: list[Unresolved] = field(default_factory=list[Unresolved])
    excluded: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Rules, and the UIDs of studies that they keep out."""
    notes: list[str] = field(default_factory=list[str])


def ask(places: Sequence[Place], question: Question) -> Reply:
    """Put a question to every source; each study is taken from the first that has it whole."""
    return _granted(places, question) if isinstance(question, Wish) else _selected(places, question)


def _granted(places: Sequence[Place], wish: Wish) -> Reply:
    answers = [(place, grant(place.source, wish)) for place in places]
    offers = [Offer(place, study) for place, answer in answers for study in answer.studies]
    if not offers:
        worst = _most_telling([answer for _, answer in answers])
        return Reply(unresolved=list(_rows_without(wish, worst)))
    said = dict.fromkeys(answer.message for _, answer in answers if answer.studies and answer.message)
    reply = Reply(notes=[f"{wish.label()}: {message}" for message in said])
    _take(reply, offers, wish.label(), wish.rows)
    return reply


def _most_telling(answers: Sequence[Answer]) -> Answer:
    """Return what to tell of a row: that one source knows it as something else says more than not found."""
    return next((answer for answer in answers if answer.reason is not Reason.NOT_FOUND), answers[0])


def _rows_without(wish: Wish, answer: Answer) -> Iterator[Unresolved]:
    for row in wish.rows:
        reason = answer.reason or Reason.NOT_FOUND
        yield Unresolved(wish.label(row), reason, answer.message, answer.hint, row.number or None)


def _selected(places: Sequence[Place], part: Part) -> Reply:
    reply, offers, left_out = Reply(), list[Offer](), dict[str, str]()
    for place in places:
        find = WindowedFind(place.source, part.keys, place.cap, part.today)
        selection = choose(place.source, part.query, find.all(part.window), part.name)
        offers += [Offer(place, study) for study in selection.studies]
        left_out |= {uid: rule for uid, rule in selection.left_out.items() if uid not in left_out}
        reply.unresolved += _cut(place.name, part.name, find)
        reply.notes += untold(place.name, part.name, selection.untold)
        reply.notes += [_BLIND.format(part.name, place.name, what) for what in sorted(find.blind)]
    _take(reply, offers, "", ())
    taken = {offer.uid for offer in offers}
    reply.excluded = [(rule, uid) for uid, rule in left_out.items() if uid not in taken]
    return reply


def unread(places: Sequence[Place]) -> Iterator[Unresolved]:
    """Yield what sources could not read: studies may be missing, or images of those that were found."""
    for place in places:
        closed = place.source.unread() if isinstance(place.source, Guarded) else []
        message = f"{place.name} could not read it: there may be more studies or images"
        for one in closed[:NAMED]:
            yield Unresolved(one.shown, Reason.INCOMPLETE, message, one.hint)
        if len(closed) > NAMED:
            more = f"{len(closed) - NAMED:,} more in {place.name}"
            yield Unresolved(more, Reason.INCOMPLETE, message, closed[NAMED].hint)


def untold(source: str, rules: str, keywords: Collection[str]) -> list[str]:
    """Return what a person should know of rules about what a source does not tell."""
    words = " and ".join(sorted(keywords))
    said = f"{source} does not tell {words} of all that it has; where it is not told, it counts as empty"
    return [f"{rules}: {said}"] if words else []


def _cut(name: str, query: str, find: WindowedFind) -> Iterator[Unresolved]:
    for window in find.cut:
        yield Unresolved(
            f"{query} {window}",
            Reason.INCOMPLETE,
            f"{name} cuts its answer, and no shorter time can be asked: there may be more studies",
            "narrow the query, as by modality, or have the limit of the archive raised",
        )
    for window in find.beyond:
        yield Unresolved(
            f"{query} {window}",
            Reason.INCOMPLETE,
            f"{name} cuts its answer, and some studies have no date or time to ask for: there may be more",
            "have the limit of the archive raised, or name such studies by UID or accession number",
        )


def _take(reply: Reply, offers: Sequence[Offer], label: str, rows: Sequence[CohortRow]) -> None:
    """Take each study from one source, with all that this source has under its UID."""
    by_uid: dict[str, list[Offer]] = {}
    for offer in offers:
        by_uid.setdefault(offer.uid, []).append(offer)
    for uid, all_of_it in by_uid.items():
        firsts = {offer.place.name: offer for offer in reversed(all_of_it)}
        chosen = first_whole([firsts[name] for name in reversed(firsts)])
        taken = [offer for offer in all_of_it if offer.place.name == chosen.place.name]
        reply.found += [FoundOne(offer, label or f"study {uid}", rows) for offer in taken]
        if len({offer.study.get("PatientID", "").strip() for offer in firsts.values()}) > 1:
            names = " and ".join(sorted(firsts))
            reply.notes.append(
                f"study {uid}: {names} know it under different PatientIDs (merged patients?); "
                f"that of {chosen.place.name} counts"
            )

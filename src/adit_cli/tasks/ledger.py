"""The account of one attempt: every instance that was listed or arrived is in one place at the end.

expected = received + missing; received = delivered + withheld + rejected.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from adit_cli.errors import Reason
from adit_cli.nodes.base import Delivered, FailedInstance, Ready
from adit_cli.tasks.listing import Listing


@dataclass(slots=True)
class Ledger:
    """What is known of the instances of a task, by original SOP Instance UID."""

    listing: Listing
    arrived: dict[str, str] = field(default_factory=dict[str, str])
    """Instances that came, and the series they belong to where that is known."""
    ready: dict[str, Ready] = field(default_factory=dict[str, Ready])
    withheld: dict[str, FailedInstance] = field(default_factory=dict[str, FailedInstance])
    failed: dict[str, FailedInstance] = field(default_factory=dict[str, FailedInstance])
    """Why instances did not come, as far as the source said."""
    differing: dict[str, None] = field(default_factory=dict[str, None])
    """Instances that came twice with other content; the first one counts."""
    strays: int = 0
    """Files that nobody asked for."""
    size: int = 0
    listed: frozenset[str] = field(init=False)
    """SOP Instance UIDs that should come."""

    def __post_init__(self) -> None:
        self.listed = frozenset(ref.uid for ref in self.listing.refs)

    @property
    def missing(self) -> tuple[str, ...]:
        """SOP Instance UIDs that were listed, or named as failed, and have not come."""
        named = dict.fromkeys([ref.uid for ref in self.listing.refs] + [uid for uid in self.failed if uid])
        return tuple(uid for uid in named if uid not in self.arrived)

    @property
    def unlisted_missing(self) -> int:
        """How many instances the source counts beyond those that it listed or sent."""
        listed = _by_series({ref.uid: ref.series_uid for ref in self.listing.refs})
        extra = _by_series({uid: series for uid, series in self.arrived.items() if uid not in self.listed})
        unlisted = sum(
            max(0, counted - listed.get(series, 0) - extra.get(series, 0))
            for series, counted in self.listing.short.items()
        )
        return max(0, unlisted - sum(uid not in self.listed for uid in self.missing))

    @property
    def complete(self) -> bool:
        """Whether everything that the source has told of has come."""
        return not self.missing and not self.unlisted_missing

    @property
    def expected(self) -> int:
        """How many instances there should be."""
        return len(self.arrived) + len(self.missing) + self.unlisted_missing

    def note_failed(self, failures: Iterable[FailedInstance]) -> None:
        """Remember what the source said of instances that did not come."""
        for failure in failures:
            if self._is_of_a_stray(failure):
                self.strays += 1
            else:
                self.failed[failure.uid] = failure

    def _is_of_a_stray(self, failure: FailedInstance) -> bool:
        """Return whether it is about a file that nobody asked for, where all that belongs here is listed."""
        known = self.listed and not self.listing.short
        return bool(known) and failure.reason is Reason.MISMATCH and failure.uid not in self.listed


def rejections(ledger: Ledger, answers: Mapping[str, Collection[Delivered]]) -> dict[str, FailedInstance]:
    """Return the instances that not every destination took, and what the first to refuse said."""
    refused: dict[str, FailedInstance] = {}
    for destination, told in answers.items():
        said = {answer.uid: answer for answer in told}
        for uid, ready in ledger.ready.items():
            answer = said.get(ready.uid)
            taken = answer is not None and (answer.accepted or answer.skipped)
            if uid not in refused and not taken:
                refused[uid] = _refusal(uid, destination, answer)
    return refused


def taken(ledger: Ledger, answers: Mapping[str, Collection[Delivered]]) -> int:
    """Return how many instances every destination holds, whatever became of the rest."""
    held = [{answer.uid for answer in told if answer.accepted} for told in answers.values()]
    return sum(all(ready.uid in uids for uids in held) for ready in ledger.ready.values())


def skipped(ledger: Ledger, answers: Mapping[str, Collection[Delivered]]) -> set[str]:
    """Return the instances that are not for some destination, such as a report where images are."""
    uids = {answer.uid for told in answers.values() for answer in told if answer.skipped}
    return {uid for uid, ready in ledger.ready.items() if ready.uid in uids}


def reserves(answers: Mapping[str, Collection[Delivered]]) -> dict[str, Reason]:
    """Return what destinations said of instances that they took, but that a person should look at."""
    return {
        f"{destination}: {answer.message}": answer.reason
        for destination, told in answers.items()
        for answer in told
        if answer.accepted and answer.reason is not None
    }


def _refusal(uid: str, destination: str, answer: Delivered | None) -> FailedInstance:
    if answer is None:
        return FailedInstance(uid, Reason.REJECTED, f"{destination} did not say that it took it")
    message = answer.message or "it was not taken"
    return FailedInstance(uid, answer.reason or Reason.REJECTED, f"{destination}: {message}")


def _by_series(series_of: Mapping[str, str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for series in series_of.values():
        counts[series] = counts.get(series, 0) + 1
    return counts

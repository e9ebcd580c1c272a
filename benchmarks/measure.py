"""What is measured and how: contenders take turns, round by round, so that a busy moment hits all of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TypeAlias

from tests.support.process import PeerError


@dataclass(frozen=True, slots=True)
class Settings:
    """How large and how often."""

    instances: int
    rounds: int
    folder: Path


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement of a whole process, its children included."""

    seconds: float
    cpu: float = 0.0
    memory: int = 0
    """The largest resident set of any of its processes, in bytes."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One program at one row's work."""

    name: str
    run: Callable[[], Sample]
    rounds: int | None = None
    """Fewer rounds than the others, for one that takes minutes."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a contender (by default the first) is to reach: a share of another median, or seconds or bytes."""

    at_most: float
    against: str | None = None
    measure: str = "seconds"
    of: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the comparison; the first contender is ours."""

    title: str
    contenders: tuple[Contender, ...]
    targets: tuple[Target, ...] = ()
    measure: str = "seconds"


RowMaker: TypeAlias = Callable[[Settings], AbstractContextManager[Row]]


@dataclass(frozen=True, slots=True)
class Result:
    """What one contender reached."""

    name: str
    minimum: float
    median: float
    cpu: float
    memory: int
    rounds: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a target was reached."""

    text: str
    value: float
    reached: bool


@dataclass(frozen=True, slots=True)
class RowResult:
    """A row's results, as they are kept as JSON."""

    key: str
    title: str
    measure: str
    instances: int
    results: list[Result]
    verdicts: list[Verdict]

    def as_json(self) -> dict[str, object]:
        """Return plain values."""
        return asdict(self)


def run_row(key: str, row: Row, settings: Settings, tell: Callable[[str], None]) -> RowResult:
    """Let all contenders of a row run in turns and compare them; a peer that fails a turn loses only that."""
    ours = {row.contenders[0].name, *(target.of for target in row.targets)}
    samples: dict[str, list[Sample]] = {contender.name: [] for contender in row.contenders}
    for contender in _turns(row, settings.rounds):
        os.sync()  # what the one before left for the disk is not the next one's burden
        try:
            sample = contender.run()
        except PeerError as error:
            if contender.name in ours:
                raise
            tell(f"  {contender.name:<40} failed: {error}")
            continue
        samples[contender.name].append(sample)
        tell(_line(contender.name, sample))
    results = [_result(name, taken) for name, taken in samples.items() if taken]
    measurable = [target for target in row.targets if target.against is None or samples[target.against]]
    verdicts = [_verdict(target, results) for target in measurable]
    return RowResult(key, row.title, row.measure, settings.instances, results, verdicts)


def _line(name: str, sample: Sample) -> str:
    return f"  {name:<40} {sample.seconds:9.4f} s {sample.cpu:9.3f} s CPU {sample.memory >> 20:6} MiB"


def _turns(row: Row, rounds: int) -> Iterator[Contender]:
    for turn in range(rounds):
        yield from (one for one in row.contenders if one.rounds is None or turn < one.rounds)


def _result(name: str, samples: list[Sample]) -> Result:
    seconds = [sample.seconds for sample in samples]
    return Result(
        name,
        min(seconds),
        median(seconds),
        median(sample.cpu for sample in samples),
        max(sample.memory for sample in samples),
        len(samples),
    )


def _verdict(target: Target, results: list[Result]) -> Verdict:
    by_name = {result.name: result for result in results}
    ours = by_name[target.of] if target.of else results[0]
    what = f"{target.of}: " if target.of else ""
    if target.measure == "memory":
        return Verdict(
            f"{what}at most {target.at_most / 1e6:.0f} MB", ours.memory, ours.memory <= target.at_most
        )
    if target.against is None:
        return Verdict(f"{what}at most {target.at_most:g} s", ours.median, ours.median <= target.at_most)
    ratio = ours.median / by_name[target.against].median
    return Verdict(what + _ratio_text(target), ratio, ratio <= target.at_most)


def _ratio_text(target: Target) -> str:
    if target.at_most < 1:
        return f"at least {1 / target.at_most:.3g} times faster than {target.against}"
    return f"at most {target.at_most:g} times {target.against}"

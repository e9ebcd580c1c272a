"""Take the instances that lie in archives into a spool: each archive is read once, copies are compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from adit_cli.errors import DataError, Reason
from adit_cli.nodes.base import FailedInstance
from adit_cli.nodes.layout import safe_name
from adit_cli.nodes.nested import Inside, Opening
from adit_cli.nodes.packed import Place, take_out
from adit_cli.nodes.scan import FoundInstance
from adit_cli.nodes.storage import link_or_copy, part_in, same_content


@dataclass(slots=True)
class _Waiting:
    """An instance, and the files that it has been taken out into so far."""

    instance: FoundInstance
    copies: list[Path] = field(default_factory=list[Path])

    @property
    def complete(self) -> bool:
        return len(self.copies) == len(self.instance.places)


class Unpacking:
    """Takes out the given instances; what is half done never has the name of a whole file."""

    def __init__(self, spool: Path, instances: Sequence[FoundInstance], opening: Opening) -> None:
        self._spool = spool
        self._opening = opening
        self._waiting: dict[str, _Waiting] = {}
        self._archives: dict[Path, dict[Inside, _Waiting]] = {}
        for instance in instances:
            waiting = self._waiting[instance.uid] = _Waiting(instance)
            for place in instance.places:
                self._plan(place, waiting)

    def run(self) -> Iterator[tuple[FoundInstance, Path] | FailedInstance]:
        """Yield each instance that stands in the spool as `<SOPInstanceUID>.dcm`, and what cannot."""
        for archive, wanted in self._archives.items():
            targets = {inside: self._part(inside, waiting) for inside, waiting in wanted.items()}
            try:
                for inside in take_out(archive, targets, self._opening):
                    wanted[inside].copies.append(targets[inside])
                    if wanted[inside].complete:
                        yield self._settle(self._waiting.pop(wanted[inside].instance.uid))
            except DataError:
                yield from self._give_up(wanted)

    def _plan(self, place: Place, waiting: _Waiting) -> None:
        if place.inside:
            self._archives.setdefault(place.path, {})[place.inside] = waiting
        else:
            waiting.copies.append(place.path)

    def _part(self, inside: Inside, waiting: _Waiting) -> Path:
        number = "-".join(map(str, (len(waiting.copies), *inside)))
        part = part_in(self._spool, f"{safe_name(waiting.instance.uid)}.{number}")
        part.unlink(missing_ok=True)
        return part

    def _settle(self, waiting: _Waiting) -> tuple[FoundInstance, Path] | FailedInstance:
        first, *others = waiting.copies
        target = self._spool / f"{safe_name(waiting.instance.uid)}.dcm"
        try:
            if not all(same_content(first, other) for other in others):
                message = f"{len(waiting.copies)} files claim to be it, and they differ"
                return FailedInstance(waiting.instance.uid, Reason.MISMATCH, message)
            target.unlink(missing_ok=True)
            link_or_copy(first, target)
            return waiting.instance, target
        finally:
            self._forget(waiting)

    def _give_up(self, wanted: dict[Inside, _Waiting]) -> Iterator[FailedInstance]:
        for uid in dict.fromkeys(waiting.instance.uid for waiting in wanted.values()):
            if uid in self._waiting:
                self._forget(self._waiting.pop(uid))
                yield FailedInstance(uid, Reason.REJECTED, "its archive is damaged, encrypted or has changed")

    def _forget(self, waiting: _Waiting) -> None:
        for copy in waiting.copies:
            if copy.parent == self._spool:
                copy.unlink(missing_ok=True)

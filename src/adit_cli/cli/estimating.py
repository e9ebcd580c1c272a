"""What a plan will take and how it differs from the last one, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from adit_cli.cli.wording import count, duration, size
from adit_cli.engine.estimate import Estimate


def estimate_lines(estimate: Estimate) -> Iterator[str]:
    """Yield size and time expected, and whether the disks have room for it."""
    if estimate.octets is None:
        yield "  size unknown: the source does not count the images of every study"
        return
    learned = f", as {count(estimate.learned_from, 'study')} moved before" if estimate.learned_from else ""
    time = (
        f", in about {duration(estimate.seconds)} with {count(estimate.workers, 'worker')}"
        if estimate.seconds
        else ""
    )
    yield f"  about {size(estimate.octets)}{time}{learned or ', by typical sizes of images'}"
    for room in estimate.rooms:
        enough = "" if room.is_enough else ": NOT ENOUGH"
        yield f"  {room.path} needs about {size(room.needed)}, {size(room.free)} are free{enough}"


def estimate_object(estimate: Estimate) -> dict[str, object]:
    """Return it for JSON."""
    return {
        "bytes": estimate.octets,
        "seconds": estimate.seconds,
        "learned_from_studies": estimate.learned_from,
        "disks": [
            {"path": str(room.path), "needed": room.needed, "free": room.free} for room in estimate.rooms
        ],
    }

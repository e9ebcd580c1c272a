"""What a plan will take and how it differs from the last one, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from adit_cli.cli.wording import duration, moment, size
from adit_cli.counting import count
from adit_cli.engine.estimate import Estimate
from adit_cli.engine.schedule import Schedule


def estimate_lines(estimate: Estimate) -> Iterator[str]:
    """Yield size and time expected, whether the disks have room, and what the limits of nodes make of it."""
    yield from _sizes(estimate)
    if estimate.schedule is not None:
        yield from (f"  {line}" for line in schedule_lines(estimate.schedule))


def schedule_lines(schedule: Schedule) -> Iterator[str]:
    """Yield how long it takes within the limits of the nodes, and when it would be done."""
    windows = " and ".join(f"{name} ({', '.join(texts)})" for name, texts in schedule.windows.items())
    if schedule.seconds is None or schedule.done_by is None:
        yield f"moves in the window of {windows}, from {moment(schedule.opens)} on"
        return
    about, pace = "at least" if schedule.at_least else "about", schedule.pace
    speed = f" at {pace.per_hour:,} studies an hour, the limit of {pace.node}" if pace else ""
    yield f"{about} {duration(schedule.seconds)} of work{speed}"
    if windows:
        opened = f"{count(schedule.openings, 'opening')} of the window of {windows}"
        yield f"in {opened}, from {moment(schedule.opens)} on"
    yield f"done by {moment(schedule.done_by)}, if started now"


def _sizes(estimate: Estimate) -> Iterator[str]:
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
        "schedule": schedule_object(estimate.schedule) if estimate.schedule else None,
    }


def schedule_object(schedule: Schedule) -> dict[str, object]:
    """Return it for JSON, with times in the zone of this machine."""
    pace = schedule.pace
    return {
        "windows": schedule.windows,
        "opens": _iso(schedule.opens),
        "work_seconds": schedule.seconds,
        "at_least": schedule.at_least,
        "limited_by": {"node": pace.node, "studies_per_hour": pace.per_hour} if pace else None,
        "openings": schedule.openings,
        "done_by": None if schedule.done_by is None else _iso(schedule.done_by),
    }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="seconds")

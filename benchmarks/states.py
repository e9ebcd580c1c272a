"""Take one step with a state database of very many tasks and print the seconds it took.

`python -m benchmarks.states add|finish|resume FOLDER TASKS`; `add` begins anew, the others go on from it.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

from adit_cli.engine.folders import JobFolder
from adit_cli.engine.state import StateStore, open_state
from adit_cli.tasks.task import Outcome, TaskStatus, TransferTask

LEFT = 10
OUTCOMES = 500
DONE = Outcome(TaskStatus.SUCCESS, expected=100, received=100, delivered=100, size=50_000_000, seconds=1.0)


def planned(number: int) -> list[TransferTask]:
    """Return the same tasks every time."""
    return [
        TransferTask(f"{index:064x}", f"2.25.{index}", "source", ("target",), f"P{index // 3}", instances=100)
        for index in range(number)
    ]


def finish(store: StateStore, number: int) -> float:
    """Do tasks and return the seconds that each start and end cost."""
    begun = time.perf_counter()
    for _ in range(number):
        started = store.start_attempt(time.time())
        if started is None:
            raise RuntimeError("no task was left to finish")
        store.finish_attempt(started, DONE, TaskStatus.SUCCESS)
    return (time.perf_counter() - begun) / max(number, 1)


def leave_only(folder: JobFolder, left: int) -> None:
    """Do all tasks but so many, as an interrupted run leaves them."""
    with open_state(folder) as store:
        finish(store, max(store.counts().get(TaskStatus.PENDING, 0) - left, 0))


def main(step: str, folder: JobFolder, number: int) -> float:
    """Take the step and return its seconds."""
    tasks = planned(number)
    if step == "add":
        shutil.rmtree(folder.path, ignore_errors=True)
    if step == "resume":
        leave_only(folder, LEFT)
    begun = time.perf_counter()
    with open_state(folder) as store:
        if step == "finish":
            return finish(store, min(OUTCOMES, number - LEFT))
        store.add_tasks(tasks)
        store.next_due()
        return time.perf_counter() - begun


if __name__ == "__main__":
    print(main(sys.argv[1], JobFolder(Path(sys.argv[2])), int(sys.argv[3])))

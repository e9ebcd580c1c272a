"""A program that runs a made-up job, to be killed by tests: FOLDER NUMBER-OF-TASKS DEED.

It is called __main__ because workers import a main module of any other name once more, at their start.
"""

from __future__ import annotations

import sys
from pathlib import Path

from adit_cli.engine.events import Event, TaskEnded, TaskProgress
from adit_cli.engine.folders import StateFolder
from adit_cli.engine.run import RunOptions, run_job
from adit_cli.errors import AditError
from tests.support import engine_tasks
from tests.support.made_up import made_up_job, parts


def tell(event: Event) -> None:
    """Print what a test waits for; the task's end is told after it is on record."""
    match event:
        case TaskEnded():
            sys.stdout.write(f"ended {event.task_key} {event.status}\n")
        case TaskProgress():
            sys.stdout.write(f"working {event.progress.task_key}\n")
        case _:
            return
    sys.stdout.flush()


def main(folder: Path, number: int, deed: str) -> int:
    """Run the job to its end; return its exit code."""
    keys = [f"{key:03}" for key in range(number)]
    try:
        ended = run_job(
            made_up_job(folder),
            RunOptions(StateFolder(folder / "state")),
            tell,
            parts(getattr(engine_tasks, deed), *keys),
        )
    except AditError as error:
        sys.stderr.write(error.message)
        return error.exit_code
    return ended.exit_code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))

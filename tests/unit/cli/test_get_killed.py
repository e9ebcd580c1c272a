"""What a killed `adit get` leaves in the user's folder is removed by the next one."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.builders import BuiltStudy
from tests.support.commandline import CommandLine


def process_that_ended() -> int:
    """Return the number of a process that is gone."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        return process.pid


def test_what_a_killed_get_left_half_written_is_removed_and_what_another_one_writes_is_not(
    adit: CommandLine, thorax: BuiltStudy
) -> None:
    target = Path("out") / thorax.uid
    target.mkdir(parents=True)
    numbers = (process_that_ended(), os.getpid(), os.getppid())
    dead, same, running = (target / f".{number}-7.part" for number in numbers)
    foreign = target / ".part"
    for path in (dead, same, running, foreign):
        path.write_bytes(b"half")

    ended = adit.run("get", "images/", thorax.uid, "-o", "out")

    assert ended.code == 0, ended.err
    assert [path.exists() for path in (dead, same, running, foreign)] == [False, False, True, True]
    assert len(list(target.glob("*.dcm"))) == len(thorax.files)

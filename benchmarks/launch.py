"""Start one program from a process that is itself small, and write down what it cost.

The kernel counts the memory of whoever starts a program as that program's own peak, so the benchmark, which
is large, must not start what it measures: `python -I -S launch.py RESULT PROGRAM ARGUMENT...`.
"""

from __future__ import annotations

import os
import sys
import time


def main(result: str, command: list[str]) -> int:
    """Run the program and write seconds, CPU seconds and peak bytes; return its exit code."""
    begun = time.perf_counter()
    pid = os.posix_spawn(command[0], command, os.environ)
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - begun
    line = f"{seconds} {usage.ru_utime + usage.ru_stime} {usage.ru_maxrss * 1024}"
    with open(result, "w") as file:  # noqa: PTH123  # importing pathlib would make this process larger
        file.write(line)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))

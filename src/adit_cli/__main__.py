"""The program `adit`, also as `python -m adit_cli`."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code.

    What start-up makes is no garbage: not to look for any, then and at exit, saves a short command a sixth.
    """
    gc.disable()
    from adit_cli.cli.app import run  # noqa: PLC0415  spawned workers import this module; they need no terminal

    try:
        return run(sys.argv[1:] if argv is None else list(argv))
    finally:
        gc.enable()


if __name__ == "__main__":
    sys.exit(main())

"""The program `adit`, also as `python -m adit_cli`."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    from adit_cli.cli.app import run  # noqa: PLC0415  spawned workers import this module; they need no terminal

    return run(sys.argv[1:] if argv is None else list(argv))


if __name__ == "__main__":
    sys.exit(main())

"""The program as users run it: a process of its own, with state and configuration of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

KEY = "an invented key for tests only"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Adit:
    """`adit` with its own state folder, in a folder of its own."""

    folder: Path
    env: Mapping[str, str] = field(default_factory=dict[str, str])

    def __call__(self, *arguments: str | Path, stdin: str = "", timeout: float = 150) -> Ended:
        """Run a command to its end."""
        process = self.start(*arguments)
        try:
            out, err = process.communicate(stdin, timeout)
        except subprocess.TimeoutExpired:
            self.kill(process)
            raise
        return Ended(process.returncode, out, err)

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """Start a command that the test ends, with pipes to all its streams."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return subprocess.Popen(
            [sys.executable, "-m", "adit_cli", *map(str, arguments)],
            cwd=self.folder,
            env=self._environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def kill(self, process: subprocess.Popen[str]) -> None:
        """Kill the parent as `kill -9` does, and wait until its workers have gone as well.

        The workers hold the write end of the pipes, which therefore close when the last of them is gone.
        """
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)

    def _environment(self) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("ADIT_")}
        own = {
            "ADIT_STATE_DIR": str(self.folder / "state"),
            "ADIT_CONFIG": str(self._config()),
            "ADIT_KEY": KEY,
        }
        return clean | own | dict(self.env)

    def _config(self) -> Path:
        path = self.folder / "adit.yaml"
        if not path.exists():
            path.write_text("nodes: {}\n")
        return path


def write_job(
    path: Path, source: str, destinations: Sequence[str], studies: str, more: str = "", *, name: str = "test"
) -> Path:
    """Write a job file; a node is AET@host:port or a folder, `studies` and `more` are YAML."""
    nodes = "\n".join(f"  node{number}: {_node(node)}" for number, node in enumerate((source, *destinations)))
    names = ", ".join(f"node{number}" for number in range(1, len(destinations) + 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"adit: 1\nname: {name}\nnodes:\n{nodes}\nsource: node0\ndestinations: [{names}]\n"
        f"select:\n  studies: {studies}\n{more}\n"
    )
    return path


def _node(node: str) -> str:
    return f"{{dimse: {node}}}" if "@" in node else f"{{folder: {node}}}"

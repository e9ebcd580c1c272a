"""Run `adit` in this process, with a config and a state folder of the test's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from adit_cli.__main__ import main
from tests.support.program import Ended


@dataclass(slots=True)
class CommandLine:
    """The user's machine: a folder with a config and a state folder, and nothing of the real user's."""

    folder: Path
    capsys: pytest.CaptureFixture[str]

    @property
    def config(self) -> Path:
        """The config file; it need not exist."""
        return self.folder / "config.yaml"

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.folder / "state"

    def run(self, *arguments: str | Path) -> Ended:
        """Run one command line in this process."""
        if not self.config.exists():
            self.config.write_text("nodes: {}\n", "utf-8")
        self.capsys.readouterr()
        code = main(["--config", str(self.config), "--state-dir", str(self.state), *map(str, arguments)])
        captured = self.capsys.readouterr()
        return Ended(code, captured.out, captured.err)

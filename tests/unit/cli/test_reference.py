from __future__ import annotations

from pathlib import Path

from adit_cli.cli.lazy import COMMANDS
from adit_cli.cli.reference import reference

PAGE = Path(__file__).parents[3] / "docs" / "cli.md"


def test_the_commands_page_is_what_the_program_says_of_itself() -> None:
    assert PAGE.read_text("utf-8") == reference(), "run: python -m adit_cli.cli.reference > docs/cli.md"


def test_the_page_has_every_command() -> None:
    page = reference()

    assert all(f"### adit {name}\n" in page for name in COMMANDS)

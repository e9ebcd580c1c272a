from __future__ import annotations

import re
from pathlib import Path

from adit_cli.deid.claims import CODES
from adit_cli.deid.describe import OPTIONS
from adit_cli.deid.masks import load_masks
from adit_cli.deid.spec import Option
from adit_cli.deid.table import EDITION
from tests.support.deid import spec_of

PAGE = Path(__file__).parents[3] / "docs" / "de-identification.md"


def _table(heading: str) -> list[list[str]]:
    """Return the rows of the first table below a heading."""
    section = PAGE.read_text("utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_page_says_of_each_option_what_plan_says_of_it() -> None:
    told = {
        option: (code, OPTIONS[option].format(low=30, high=3650, unit="days"))
        for option, code in CODES.items()
    }

    assert {Option(name): (code, words) for name, code, words in _table("Options")} == told


def test_the_page_says_of_each_rule_what_the_rule_says_of_itself() -> None:
    written = {
        "{replace: O}": {"replace": "O"},
        "{clean: words.txt}": {"clean": "words.txt"},
    }
    for name, words in _table("Rules"):
        element = words.split()[0]
        rule = spec_of(rules={element: written.get(name, name)}).rules[element]
        assert words == rule.describe(element)


def test_the_page_names_the_edition_and_shows_masks_that_work(tmp_path: Path) -> None:
    page = PAGE.read_text("utf-8")
    block = re.search(r"```yml\n(.*?)```", page, re.DOTALL)

    assert f"edition **{EDITION}**" in page
    assert block is not None
    masks = tmp_path / "masks.yaml"
    masks.write_text(block[1])
    assert load_masks(masks)[0].rectangles == ((0, 0, 640, 40),)

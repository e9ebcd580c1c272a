"""The documentation does what it says: its job files load, its Python runs, its commands and links exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from adit_cli.cli.lazy import COMMANDS, load
from adit_cli.jobfile.load import load_config, load_job

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^( *)```(?P<language>\w+)[^\n]*\n(?P<body>.*?)^\1```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
HEADING = re.compile(r"^#+ +(?P<title>.+?)(?: *\{#(?P<id>[^}]+)\})?$", re.MULTILINE)
INPUTS = {
    "cohort.csv": "patient_id,accession_number,code\n00471,A240112007,LUNG-001\n",
    "pseudonyms.csv": "patient_id,pseudonym\n00471,LUNG-001\n",
    "uids.txt": "1.2.3\n",
    "site-a.csv": "patient_id\n1\n",
    "site-b.xlsx": "patient_id\n1\n",
    "withdrawn.csv": "patient_id\n1\n",
}


def blocks(*languages: str) -> list[object]:
    return [
        pytest.param(found["body"], id=f"{page.relative_to(ROOT)}:{text[: found.start()].count(chr(10)) + 1}")
        for page in PAGES
        for text in [page.read_text()]
        for found in FENCE.finditer(text)
        if found["language"] in languages
    ]


def command_lines(body: str) -> Iterator[list[str]]:
    for line in body.replace("\\\n", " ").splitlines():
        for part in line.removeprefix("$ ").split("|"):
            words = shlex.split(part.partition("&& ")[2] or part, comments=True)
            if words[:1] == ["adit"]:
                yield words[1:]


def anchors(page: Path) -> set[str]:
    text = FENCE.sub("", page.read_text())
    titles = [found["id"] or found["title"] for found in HEADING.finditer(text)]
    return {re.sub(r"[^\w -]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("body", blocks("yaml"))
def test_yaml_of_the_documentation_is_accepted(
    body: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ADIT_KEY", "ARCHIVE_PASSWORD", "RESEARCH_TOKEN"):
        monkeypatch.setenv(name, "an invented secret of enough length")
    for name, content in INPUTS.items():
        (tmp_path / name).write_text(content)
    path = tmp_path / "documented.yaml"
    path.write_text(body)

    if re.search(r"^adit: ", body, re.MULTILINE):
        assert load_job(path).name
    else:
        assert load_config(path).nodes


@pytest.mark.parametrize("body", blocks("python"))
def test_python_of_the_documentation_runs(body: str) -> None:
    exec(compile(body, "documentation", "exec"), {"__name__": "documentation"})  # noqa: S102  # our own pages


@pytest.mark.parametrize("body", blocks("bash", "console"))
def test_commands_of_the_documentation_exist_with_their_options(body: str) -> None:
    for words in command_lines(body):
        assert words[0] in COMMANDS or words[0].startswith("-"), f"no command {words[0]!r}"
        if words[0] in COMMANDS:
            known = {option for parameter in load(words[0]).params for option in parameter.opts}
            used = {word.partition("=")[0] for word in words[1:] if re.match("-[^-]$|--", word)}
            assert used <= known, f"adit {words[0]} has no {used - known}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_the_documentation_lead_somewhere(page: Path) -> None:
    for found in LINK.finditer(FENCE.sub("", page.read_text())):
        path, _, anchor = found["target"].partition("#")
        if re.match(r"[a-z]+:", path):
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name} links to {found['target']}, which doesn't exist"
        assert not anchor or anchor in anchors(target), f"{target.name} has no heading for #{anchor}"


def test_contributing_stays_one_page() -> None:
    assert len((ROOT / "CONTRIBUTING.md").read_text().splitlines()) <= 60

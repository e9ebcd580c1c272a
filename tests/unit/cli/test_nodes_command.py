from __future__ import annotations

from pathlib import Path

import pytest
import typer

from adit_cli.cli.completion import complete_job, complete_keyword, complete_node
from adit_cli.cli.settings import settings
from adit_cli.jobfile.config import load_config
from tests.support.commandline import CommandLine
from tests.support.process import free_port
from tests.support.program import Adit


def test_a_node_is_added_listed_and_removed(adit: CommandLine) -> None:
    adit.config.write_text("calling_ae_title: RADIO\n", "utf-8")

    added = adit.run("nodes", "add", "pacs", "CLINICAL@pacs.example.org:104")
    listed = adit.run("nodes", "list")
    removed = adit.run("nodes", "remove", "pacs")

    assert "try: adit echo pacs" in added.err
    assert listed.out.splitlines()[1] == "pacs\tserver\tCLINICAL@pacs.example.org:104"
    assert removed.code == 0
    assert load_config(adit.config).calling_ae_title == "RADIO"


def test_a_folder_becomes_a_node_with_its_whole_path(adit: CommandLine) -> None:
    (adit.folder / "images").mkdir()
    adit.config.write_text("", "utf-8")

    adit.run("nodes", "add", "archive", "images/")

    assert f"archive\tfolder\t{adit.folder / 'images'}" in adit.run("nodes", "list").out


@pytest.mark.parametrize(
    "arguments", [["add", "pacs", "nonsense"], ["add", "a b", "A@h:104"], ["remove", "nobody"]]
)
def test_what_cannot_be_is_refused(adit: CommandLine, arguments: list[str]) -> None:
    assert adit.run("nodes", *arguments).code == 2


def test_every_node_is_asked_and_those_that_do_not_answer_are_told(adit: CommandLine) -> None:
    adit.config.write_text(
        f"nodes:\n  here: {{folder: {adit.folder}}}\n  gone: {{dimse: GONE@127.0.0.1:{free_port()}}}\n",
        "utf-8",
    )

    ended = adit.run("nodes", "test")

    assert ended.code == 6
    assert "here: folder " in ended.out
    assert "gone: " in ended.err


def test_an_unreachable_node_ends_with_6(adit: CommandLine) -> None:
    ended = adit.run("echo", f"GONE@127.0.0.1:{free_port()}")

    assert ended.code == 6
    assert "cannot be reached" in ended.err


def test_a_folder_answers_an_echo_too(adit: CommandLine) -> None:
    assert "writable" in adit.run("echo", "./").out
    assert adit.run("echo", "./missing").code == 6


@pytest.fixture
def context(adit: CommandLine) -> typer.Context:
    adit.config.write_text("nodes: {clinical: {folder: a}, research: {folder: b}}\n", "utf-8")
    (adit.state / "jobs" / "lung").mkdir(parents=True)
    (adit.state / "jobs" / "lung" / "state.sqlite").touch()
    context = typer.Context(typer.main.get_command(_app()))
    chosen = settings(context)
    chosen.config, chosen.state_dir = adit.config, adit.state
    return context


def _app() -> typer.Typer:
    app = typer.Typer()
    app.command()(_nothing)
    return app


def _nothing() -> None:
    """Do nothing."""


def test_the_shell_completes_nodes_jobs_and_keywords(context: typer.Context) -> None:
    assert complete_node(context, "cl") == ["clinical"]
    assert complete_job(context, "") == ["lung"]
    assert "PatientID" in complete_keyword("Pat")


def test_a_broken_config_completes_to_nothing(context: typer.Context, adit: CommandLine) -> None:
    adit.config.write_text("nodes: [", "utf-8")

    assert complete_node(context, "") == []


def test_a_shell_is_answered_through_the_program(adit: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "adit.yaml").write_text("nodes: {clinical: {folder: a}}\n", "utf-8")
    words = {"_ADIT_COMPLETE": "complete_bash", "COMP_CWORD": "2"}

    commands = Adit(tmp_path, {**words, "COMP_WORDS": "adit tr", "COMP_CWORD": "1"})()
    nodes = Adit(tmp_path, {**words, "COMP_WORDS": "adit query cl"})()

    assert commands.out.split() == ["transfer"]
    assert nodes.out.split() == ["clinical"]
    assert adit.folder == tmp_path


def test_a_name_that_cannot_be_is_told_of_the_config_and_not_of_our_draft(adit: CommandLine) -> None:
    adit.config.write_text("# empty\n", "utf-8")

    ended = adit.run("nodes", "add", "bad name", "PACS@localhost:104")

    assert ended.code == 2
    assert f"{adit.config}:3:3: nodes.bad name: must begin with a letter or digit" in ended.err

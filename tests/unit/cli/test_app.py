from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from adit_cli.cli.lazy import COMMANDS, load
from adit_cli.errors import DiskFullError, NodeError, StateError, UsageError
from adit_cli.tasks import asking
from tests.support.commandline import CommandLine

HEAVY = ("pydicom", "pynetdicom", "pydantic", "rich", "numpy", "yaml", "sqlite3")


def test_help_names_every_command_with_what_it_does(adit: CommandLine) -> None:
    shown = adit.run("--help").out

    assert all(f"  {name} " in shown and entry.summary in shown for name, entry in COMMANDS.items())


def test_help_imports_nothing_that_is_slow() -> None:
    code = (
        "import sys; from adit_cli.__main__ import main; main(['--help']);"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )

    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)

    assert done.stderr == "[]\n"


def test_version_is_that_of_the_package(adit: CommandLine) -> None:
    assert adit.run("--version").out.startswith("adit 0.")


@pytest.mark.parametrize("options", [("--version", "--all"), ("--all", "--version")])
def test_all_versions_are_those_of_programs_and_libraries_too(
    adit: CommandLine, options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADIT_DCM2NIIX", "/there/is/none")

    out = adit.run(*options).out

    assert out.startswith("adit 0.")
    assert {"Python ", "pydicom ", "7-Zip "} <= {f"{line.partition(' ')[0]} " for line in out.splitlines()}
    assert "dcm2niix not found\n" in out


def test_all_without_version_means_nothing(adit: CommandLine) -> None:
    ended = adit.run("--all", "schema")

    assert (ended.code, ended.out) == (2, "")
    assert "--all belongs to --version" in ended.err


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_explains_itself_with_an_example(adit: CommandLine, name: str) -> None:
    ended = adit.run(name, "--help")

    assert ended.code == 0
    assert "Examples:\n" in ended.out
    assert f"adit {name}" in ended.out.partition("Examples:")[2]
    assert all(line[:100] == line for line in ended.out.splitlines())


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_a_help_text_and_help_for_what_is_not_obvious(name: str) -> None:
    command = load(name)

    assert command.help
    assert not [option.opts for option in command.params if not getattr(option, "help", "")]


def test_a_mistyped_command_or_option_is_answered_with_the_right_one(adit: CommandLine) -> None:
    command, option = adit.run("qury"), adit.run("query", "--modalty", "CT", ".")

    assert (command.code, option.code) == (2, 2)
    assert "Did you mean 'query'?" in command.err
    assert "--modality" in option.err
    assert "see: adit query --help" in option.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("m", hint="h"), 2),
        (NodeError("m", hint="h"), 6),
        (DiskFullError("m", hint="h"), 7),
        (StateError("m", hint="h"), 10),
    ],
)
def test_an_error_is_told_with_its_hint_and_has_its_exit_code(
    adit: CommandLine, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(asking, "look_up_each", fail)

    ended = adit.run("query", adit.folder)

    assert (ended.code, ended.err) == (code, "adit: m\n      h\n")


def test_a_bug_is_told_by_its_place_and_not_by_what_it_may_know_of_a_patient(
    adit: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("patient DOE^JOHN")

    monkeypatch.setattr(asking, "look_up_each", fail)

    ended = adit.run("query", adit.folder)

    assert ended.code == 1
    assert "unexpected error: ValueError at test_app.py:" in ended.err
    assert "-vv" in ended.err
    assert "DOE" not in ended.err


def test_vv_shows_the_traceback_of_a_bug(adit: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ValueError("what happened")

    monkeypatch.setattr(asking, "look_up_each", fail)

    assert "Traceback" in adit.run("query", adit.folder, "-vv").err


def test_ctrl_c_ends_with_130(adit: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(asking, "look_up_each", interrupt)

    assert adit.run("query", adit.folder).code == 130


def test_global_options_count_before_and_after_the_command(adit: CommandLine) -> None:
    before, after = adit.folder / "before.yaml", adit.folder / "after.yaml"
    before.write_text("nodes: {here: {folder: .}}\n", "utf-8")
    after.write_text("nodes: {there: {folder: .}}\n", "utf-8")

    assert "here" in adit.run("--config", before, "nodes", "list").out
    assert "there" in adit.run("nodes", "list", "--config", after).out


@pytest.mark.parametrize("arguments", [["--help"], ["schema"]])
def test_output_that_finds_no_room_ends_with_7_and_is_no_bug(arguments: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "adit_cli", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert done.returncode == 7
    assert done.stderr == ("adit: there is no room left to write to\n      free some space, and run again\n")


def test_a_choice_that_is_none_is_answered_with_the_choices(adit: CommandLine) -> None:
    ended = adit.run("query", "images/", "--format", "yaml")

    assert ended.code == 2
    assert ended.err.startswith("adit: invalid value for '--format' / '-f': 'yaml' is not one of 'table'")
